"""Files that have to be refused, each with the one code that clients and operators will see."""

import gzip
import io
import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from PIL import Image

from mediamill_testing.photos import png
from mediamill_testing.photos.modern import animation, indexed, save_animation
from mediamill_testing.photos.photo import HostileFile
from mediamill_testing.photos.sources import real_photo

TOO_LARGE_BYTES = 10_000_001
"""One byte more than an image may have by default."""
TOO_MANY_FRAMES = 301
_BOMB_SIDE = 64_250
"""Pixels; 4,128 megapixels in a few kilobytes."""

_SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
_HTML = b"<!DOCTYPE html><html><body><script>alert(document.cookie)</script></body></html>"


@dataclass(frozen=True)
class HostileBlueprint:
    """How one bad file is made."""

    name: str
    file_name: str
    declared_type: str
    code: str
    content: Callable[[], bytes]
    refused_by: Literal["upload", "processing"] = "upload"

    def build(self, folder: Path) -> HostileFile:
        """Write the file into a folder, under a safe name of its own."""
        path = folder / self.name
        path.write_bytes(self.content())
        return HostileFile(self.name, path, self.file_name, self.declared_type, self.code, self.refused_by)


def _encoded(image_format: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    real_photo("china").save(buffer, image_format, **options)
    return buffer.getvalue()


def _cut(image_format: str, **options: Any) -> bytes:
    whole = _encoded(image_format, **options)
    return whole[: len(whole) * 6 // 10]


def _elf() -> bytes:
    return b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HHI", 2, 62, 1) + bytes(200)


def _windows_program() -> bytes:
    return b"MZ" + bytes(58) + struct.pack("<I", 64) + b"PE\0\0" + bytes(200)


def _zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("photo.jpg", _encoded("JPEG"))
    return buffer.getvalue()


def _too_large() -> bytes:
    return _encoded("JPEG").ljust(TOO_LARGE_BYTES, b"\0")


def _jpeg_bomb() -> bytes:
    """Return a JPEG whose frame header was rewritten to claim 64,250 pixels a side."""
    buffer = io.BytesIO()
    real_photo("china").resize((96, 64)).save(buffer, "JPEG")
    jpeg = bytearray(buffer.getvalue())
    position = 2
    while jpeg[position + 1] != 0xC0:
        position += 2 + int.from_bytes(jpeg[position + 2 : position + 4], "big")
    struct.pack_into(">HH", jpeg, position + 5, _BOMB_SIDE, _BOMB_SIDE)
    return bytes(jpeg)


def _png_bomb() -> bytes:
    claim = png.header(_BOMB_SIDE, _BOMB_SIDE, bits=8, color_type=png.RGB)
    return claim + png.chunk(b"IDAT", b"\x78\x9c" + bytes(64)) + png.chunk(b"IEND", b"")


def _long_png() -> bytes:
    """Return a real picture that is one pixel longer than any side may be."""
    buffer = io.BytesIO()
    Image.new("L", (20_001, 2), 128).save(buffer, "PNG")
    return buffer.getvalue()


def _long_animation(image_format: str) -> bytes:
    buffer = io.BytesIO()
    frames = animation("chelsea", size=(TOO_MANY_FRAMES, 4), frames=TOO_MANY_FRAMES)
    save_animation(buffer, indexed(frames) if image_format == "GIF" else frames, format=image_format)
    return buffer.getvalue()


def _gif_script() -> bytes:
    """Return what a browser runs as JavaScript and a careless check takes for a GIF."""
    return b"GIF89a=1;/*" + bytes(20) + b"*/alert(document.domain);//" + _HTML


def _jpeg_then_html() -> bytes:
    return b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00" + _HTML


HOSTILE = (
    HostileBlueprint("empty", "photo.jpg", "image/jpeg", "empty_file", lambda: b""),
    HostileBlueprint("too_large", "photo.jpg", "image/jpeg", "too_large", _too_large),
    HostileBlueprint("elf", "photo.jpg", "image/jpeg", "executable_content", _elf),
    HostileBlueprint("windows_program", "photo.png", "image/png", "executable_content", _windows_program),
    HostileBlueprint(
        "shell_script", "photo.jpg", "image/jpeg", "executable_content", lambda: b"#!/bin/sh\nrm -rf /\n"
    ),
    HostileBlueprint(
        "png_declared_jpeg", "photo.jpg", "image/jpeg", "type_mismatch", lambda: _encoded("PNG")
    ),
    HostileBlueprint("jpeg_declared_webp", "a.webp", "image/webp", "type_mismatch", lambda: _encoded("JPEG")),
    HostileBlueprint("html", "photo.jpg", "image/jpeg", "active_content", lambda: _HTML),
    HostileBlueprint("svg", "photo.png", "image/png", "active_content", lambda: _SVG),
    HostileBlueprint("svg_declared", "a.svg", "image/svg+xml", "active_content", lambda: _SVG),
    HostileBlueprint(
        "svgz", "photo.png", "image/png", "unsupported_type", lambda: gzip.compress(_SVG, mtime=0)
    ),
    HostileBlueprint("pdf", "a.pdf", "application/pdf", "unsupported_type", lambda: b"%PDF-1.7\n%%EOF\n"),
    HostileBlueprint("zip", "photo.jpg", "image/jpeg", "unsupported_type", _zip),
    HostileBlueprint("plain_text", "photo.gif", "image/gif", "unsupported_type", lambda: b"just words"),
    HostileBlueprint("gif_script", "a.gif", "image/gif", "active_content", _gif_script),
    HostileBlueprint("jpeg_then_html", "a.jpg", "image/jpeg", "active_content", _jpeg_then_html),
    HostileBlueprint("cut_jpeg", "a.jpg", "image/jpeg", "truncated", lambda: _cut("JPEG")),
    HostileBlueprint(
        "cut_progressive_jpeg", "a.jpg", "image/jpeg", "truncated", lambda: _cut("JPEG", progressive=True)
    ),
    HostileBlueprint("cut_png", "a.png", "image/png", "truncated", lambda: _cut("PNG")),
    HostileBlueprint("cut_gif", "a.gif", "image/gif", "truncated", lambda: _cut("GIF"), "processing"),
    HostileBlueprint("cut_webp", "a.webp", "image/webp", "truncated", lambda: _cut("WEBP")),
    HostileBlueprint(
        "cut_tiff", "a.tif", "image/tiff", "truncated", lambda: _cut("TIFF", compression="tiff_lzw")
    ),
    HostileBlueprint("jpeg_bomb", "a.jpg", "image/jpeg", "too_many_pixels", _jpeg_bomb, "processing"),
    HostileBlueprint("png_bomb", "a.png", "image/png", "too_many_pixels", _png_bomb, "processing"),
    HostileBlueprint("long_png", "a.png", "image/png", "side_too_long", _long_png, "processing"),
    HostileBlueprint(
        "long_gif",
        "a.gif",
        "image/gif",
        "too_many_frames",
        lambda: _long_animation("GIF"),
        "processing",
    ),
    HostileBlueprint(
        "long_webp",
        "a.webp",
        "image/webp",
        "too_many_frames",
        lambda: _long_animation("WEBP"),
        "processing",
    ),
)
