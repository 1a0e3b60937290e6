// Placeholders from ThumbHash (https://evanw.github.io/thumbhash/): a blurred picture in about 25 bytes.
//
// A hash holds the first coefficients of a cosine transform: luminance, two colour differences, perhaps opacity.

/** Draw the placeholder of a base64 `hash` on a canvas, 32 pixels along its longer side. */
export function drawPlaceholder(canvas, hash, aspect) {
  const channels = decode(Uint8Array.from(atob(hash), (char) => char.charCodeAt(0)));
  canvas.width = Math.max(1, Math.round(aspect >= 1 ? 32 : 32 * aspect));
  canvas.height = Math.max(1, Math.round(aspect >= 1 ? 32 / aspect : 32));
  const image = new ImageData(canvas.width, canvas.height);
  for (let y = 0, at = 0; y < canvas.height; y++) {
    for (let x = 0; x < canvas.width; x++, at += 4) {
      const [l, p, q, a] = channels.map((one) => valueAt(one, (x + 0.5) / canvas.width, (y + 0.5) / canvas.height));
      const blue = l - (2 / 3) * p;
      const red = (3 * l - blue + q) / 2;
      image.data.set([red, red - q, blue, a].map((value) => 255 * value), at);
    }
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
}

function decode(bytes) {
  const head = bytes[0] | (bytes[1] << 8) | (bytes[2] << 16);
  const shape = bytes[3] | (bytes[4] << 8);
  const opaque = head >> 23 === 0;
  const longer = opaque ? 7 : 5;
  const landscape = shape >> 15 === 1;
  const columns = Math.max(3, landscape ? longer : shape & 7);
  const rows = Math.max(3, landscape ? shape & 7 : longer);
  const next = nibbles(bytes, opaque ? 5 : 6);
  const signed = (value) => value / 31.5 - 1;
  return [
    channel((head & 63) / 63, columns, rows, ((head >> 18) & 31) / 31, next),
    channel(signed((head >> 6) & 63), 3, 3, (((shape >> 3) & 63) / 63) * 1.25, next),
    channel(signed((head >> 12) & 63), 3, 3, (((shape >> 9) & 63) / 63) * 1.25, next),
    opaque ? { mean: 1, waves: [] } : channel((bytes[5] & 15) / 15, 5, 5, (bytes[5] >> 4) / 15, next),
  ];
}

function nibbles(bytes, start) {
  let position = 2 * start;
  return () => {
    const byte = bytes[position >> 1];
    return (position++ & 1 ? byte >> 4 : byte) & 15;
  };
}

function channel(mean, columns, rows, scale, next) {
  const waves = [];
  for (let v = 0; v < rows; v++) {
    for (let u = v ? 0 : 1; u * rows < columns * (rows - v); u++) {
      waves.push({ u, v, strength: (next() / 7.5 - 1) * scale });
    }
  }
  return { mean, waves };
}

function valueAt({ mean, waves }, x, y) {
  return waves.reduce(
    (sum, { u, v, strength }) => sum + 2 * strength * Math.cos(Math.PI * u * x) * Math.cos(Math.PI * v * y),
    mean,
  );
}
