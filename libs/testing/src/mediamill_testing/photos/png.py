"""A PNG writer for what Pillow does not write: 16 bits a channel, and headers that lie."""

import struct
import zlib

import numpy as np

SIGNATURE = b"\x89PNG\r\n\x1a\n"
GREY, RGB = 0, 2
"""Colour types of the IHDR chunk."""


def chunk(kind: bytes, data: bytes) -> bytes:
    """Return one PNG chunk with its length and checksum."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def header(width: int, height: int, *, bits: int, color_type: int) -> bytes:
    """Return signature and IHDR."""
    return SIGNATURE + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, color_type, 0, 0, 0))


def encode_16_bit(pixels: np.ndarray) -> bytes:
    """Encode uint16 pixels, (height, width) or (height, width, 3)."""
    height, width = pixels.shape[:2]
    rows = pixels.astype(">u2").reshape(height, -1).view(np.uint8)
    filtered = np.hstack([np.zeros((height, 1), np.uint8), rows])
    color_type = RGB if pixels.ndim == 3 else GREY
    return (
        header(width, height, bits=16, color_type=color_type)
        + chunk(b"IDAT", zlib.compress(filtered.tobytes(), 6))
        + chunk(b"IEND", b"")
    )
