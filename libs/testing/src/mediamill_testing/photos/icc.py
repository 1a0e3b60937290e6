"""ICC profiles of wide-gamut cameras, built from their primaries: no profile file may be shipped for a test.

A minimal matrix/TRC display profile as ICC.1:2001-04 (version 2.4) defines it.
"""

import struct

import numpy as np

_D50 = (0.9642, 1.0, 0.8249)
_COLORANTS = {
    "Display P3": ((0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407)),
    "Adobe RGB": ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457)),
}
"""XYZ of red, green and blue, adapted to D50."""
_GAMMA = {"Display P3": 2.2, "Adobe RGB": 563 / 256}
_SRGB = np.array(((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.71410))).T
"""Linear sRGB to XYZ (D50), by columns."""


def build_profile(name: str) -> bytes:
    """Return the profile `Display P3` or `Adobe RGB`, with a plain gamma curve."""
    red, green, blue = _COLORANTS[name]
    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(_GAMMA[name] * 256)) + bytes(2)
    tags = {
        b"desc": _description(name),
        b"cprt": b"text" + bytes(4) + b"CC0\0",
        b"wtpt": _xyz(_D50),
        b"rXYZ": _xyz(red),
        b"gXYZ": _xyz(green),
        b"bXYZ": _xyz(blue),
        b"rTRC": curve,
        b"gTRC": curve,
        b"bTRC": curve,
    }
    table, body = struct.pack(">I", len(tags)), b""
    start = 128 + 4 + 12 * len(tags)
    for signature, data in tags.items():
        table += signature + struct.pack(">II", start + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    size = start + len(body)
    header = struct.pack(">I4xI4s4s4s", size, 0x02400000, b"mntr", b"RGB ", b"XYZ ")
    header += struct.pack(">6H", 2024, 1, 1, 0, 0, 0) + b"acsp" + bytes(28)
    header += b"".join(_fixed(value) for value in _D50)
    return header.ljust(128, b"\0") + table + body


def from_srgb(pixels: np.ndarray, name: str) -> np.ndarray:
    """Return sRGB pixels (height, width, 3; uint8) as the same colours in a profile's own space."""
    scaled = pixels / 255
    linear = np.where(scaled <= 0.04045, scaled / 12.92, ((scaled + 0.055) / 1.055) ** 2.4)
    to_profile = np.linalg.inv(np.array(_COLORANTS[name]).T) @ _SRGB
    encoded: np.ndarray = np.clip(linear @ to_profile.T, 0, 1) ** (1 / _GAMMA[name])
    return np.round(encoded * 255).astype(np.uint8)


def _description(name: str) -> bytes:
    text = name.encode("ascii") + b"\0"
    return b"desc" + bytes(4) + struct.pack(">I", len(text)) + text + bytes(4 + 4 + 2 + 1 + 67)


def _xyz(values: tuple[float, float, float]) -> bytes:
    return b"XYZ " + bytes(4) + b"".join(_fixed(value) for value in values)


def _fixed(value: float) -> bytes:
    return struct.pack(">i", round(value * 65536))
