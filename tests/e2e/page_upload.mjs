// Uploads a film of three parts with the page's own module: the connection is lost after the first, then is back.

const [url, token] = process.argv.slice(2);
const PART = 8 * 1024 * 1024;

const kept = new Map();
globalThis.localStorage = {
  getItem: (name) => kept.get(name) ?? null,
  setItem: (name, value) => kept.set(name, value),
  removeItem: (name) => kept.delete(name),
};

let sendable = 1;
let sent = 0;
let last = null;
const network = globalThis.fetch;
globalThis.fetch = (path, options) => {
  if (path.startsWith("/")) {
    return network(url + path, { ...options, headers: { ...options.headers, Authorization: `Bearer ${token}` } });
  }
  if (sent === sendable) return last.then(() => Promise.reject(new TypeError("the connection is lost")));
  sent += 1;
  last = network(path, options);
  return last;
};

const box = (kind, size, content = []) => {
  const bytes = new Uint8Array(size);
  new DataView(bytes.buffer).setUint32(0, size);
  bytes.set(new TextEncoder().encode(kind), 4);
  bytes.set(content, 8);
  return bytes;
};
const brand = new TextEncoder().encode("isom\0\0\0\0isom");
const film = [box("ftyp", 20, brand), box("free", 2 * PART + 1000)];
const file = new File(film, "film.mp4", { type: "video/mp4", lastModified: 1 });

const page = "../../services/standalone/src/mediamill_standalone/page/";
const { goesInParts, uploadInParts } = await import(`${page}direct.js`);
if (!goesInParts(file)) throw new Error("the film is large enough");

const told = { size: file.size, progress: [] };
try {
  await uploadInParts(file, "the-first-try", () => {});
} catch (error) {
  told.lost = error.code;
}
told.arrived = sent;
[sendable, sent] = [Infinity, 0];
const { mediaId } = await uploadInParts(file, "the-second-try", (part) => told.progress.push(part));
console.log(JSON.stringify({ ...told, again: sent, mediaId, remembered: kept.size }));
