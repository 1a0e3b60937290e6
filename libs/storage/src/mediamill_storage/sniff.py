"""Says what a file is by its first bytes, whatever its name or sender claim.

A table of its own, not a library: the general ones guess hundreds of types from far less evidence, do not
tell HEIC from AVIF by compatible brands, and none of them answers the question asked here, whether a browser
or a shell could run the thing. Signatures: the formats' specifications and IANA's media type registrations.
"""

from dataclasses import dataclass
from enum import StrEnum


class Family(StrEnum):
    """What may be done with a file."""

    IMAGE = "image"
    VIDEO = "video"
    EXECUTABLE = "executable"
    ACTIVE = "active"
    """Markup or script that a browser or a web server could run."""
    OTHER = "other"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Sniffed:
    """A family, and the media type or, for what is never accepted, a name that people know."""

    family: Family
    name: str


UNKNOWN = Sniffed(Family.UNKNOWN, "an unknown format")

_ISO_BRANDS = {
    b"avif": "image/avif",
    b"avis": "image/avif",
    b"heic": "image/heic",
    b"heix": "image/heic",
    b"heim": "image/heic",
    b"heis": "image/heic",
    b"hevc": "image/heic",
    b"hevx": "image/heic",
    b"qt  ": "video/quicktime",
    b"isom": "video/mp4",
    b"iso2": "video/mp4",
    b"iso4": "video/mp4",
    b"iso5": "video/mp4",
    b"iso6": "video/mp4",
    b"mp41": "video/mp4",
    b"mp42": "video/mp4",
    b"avc1": "video/mp4",
    b"dash": "video/mp4",
    b"M4V ": "video/mp4",
    b"MSNV": "video/mp4",
}

_SOUND_BRANDS = frozenset({b"M4A ", b"M4B ", b"M4P ", b"F4A "})
"""Compatible with MP4, but nothing to see in them."""

_SIGNATURES: tuple[tuple[bytes, Sniffed], ...] = (
    (b"\xff\xd8\xff", Sniffed(Family.IMAGE, "image/jpeg")),
    (b"\x89PNG\r\n\x1a\n", Sniffed(Family.IMAGE, "image/png")),
    (b"GIF87a", Sniffed(Family.IMAGE, "image/gif")),
    (b"GIF89a", Sniffed(Family.IMAGE, "image/gif")),
    (b"II*\0\x10\0\0\0CR", Sniffed(Family.OTHER, "a Canon raw picture")),
    (b"II*\0", Sniffed(Family.IMAGE, "image/tiff")),
    (b"MM\0*", Sniffed(Family.IMAGE, "image/tiff")),
    (b"II+\0", Sniffed(Family.IMAGE, "image/tiff")),
    (b"MM\0+", Sniffed(Family.IMAGE, "image/tiff")),
    (b"\x7fELF", Sniffed(Family.EXECUTABLE, "a Linux program")),
    (b"MZ", Sniffed(Family.EXECUTABLE, "a Windows program")),
    (b"\xfe\xed\xfa\xce", Sniffed(Family.EXECUTABLE, "a macOS program")),
    (b"\xfe\xed\xfa\xcf", Sniffed(Family.EXECUTABLE, "a macOS program")),
    (b"\xce\xfa\xed\xfe", Sniffed(Family.EXECUTABLE, "a macOS program")),
    (b"\xcf\xfa\xed\xfe", Sniffed(Family.EXECUTABLE, "a macOS program")),
    (b"\xca\xfe\xba\xbe", Sniffed(Family.EXECUTABLE, "a macOS or Java program")),
    (b"\0asm", Sniffed(Family.EXECUTABLE, "a WebAssembly program")),
    (b"dex\n", Sniffed(Family.EXECUTABLE, "an Android program")),
    (b"#!", Sniffed(Family.EXECUTABLE, "a script")),
    (b"PK\x03\x04", Sniffed(Family.OTHER, "a ZIP archive or office document")),
    (b"PK\x05\x06", Sniffed(Family.OTHER, "a ZIP archive")),
    (b"\x1f\x8b", Sniffed(Family.OTHER, "a gzip archive")),
    (b"BZh", Sniffed(Family.OTHER, "a bzip2 archive")),
    (b"\xfd7zXZ\0", Sniffed(Family.OTHER, "an xz archive")),
    (b"\x28\xb5\x2f\xfd", Sniffed(Family.OTHER, "a Zstandard archive")),
    (b"7z\xbc\xaf\x27\x1c", Sniffed(Family.OTHER, "a 7z archive")),
    (b"Rar!\x1a\x07", Sniffed(Family.OTHER, "a RAR archive")),
    (b"%PDF-", Sniffed(Family.OTHER, "a PDF document")),
    (b"%!PS", Sniffed(Family.OTHER, "a PostScript document")),
    (b"BM", Sniffed(Family.OTHER, "a BMP picture")),
    (b"8BPS", Sniffed(Family.OTHER, "a Photoshop document")),
    (b"\0\0\x01\0", Sniffed(Family.OTHER, "an icon")),
    (b"\xff\x0a", Sniffed(Family.OTHER, "a JPEG XL picture")),
    (b"\0\0\0\x0cJXL ", Sniffed(Family.OTHER, "a JPEG XL picture")),
    (b"\0\0\0\x0cjP  ", Sniffed(Family.OTHER, "a JPEG 2000 picture")),
    (b"ID3", Sniffed(Family.OTHER, "a sound file")),
    (b"OggS", Sniffed(Family.OTHER, "an Ogg file")),
)

_MARKUP = (
    b"<!doctype",
    b"<!--",
    b"<?xml",
    b"<?php",
    b"<html",
    b"<head",
    b"<body",
    b"<script",
    b"<svg",
    b"<iframe",
    b"<style",
    b"<title",
    b"<a ",
    b"<img",
    b"<div",
)
"""How a document begins that a browser would render, or a web server would run."""

_HIDDEN_MARKUP = (
    b"<script",
    b"<?php",
    b"<!doctype html",
    b"<html>",
    b"<html ",
    b"<svg>",
    b"<svg ",
    b"<iframe ",
    b"<body>",
    b"<body ",
    b"javascript:",
)
"""Longer marks, for a search inside binary data: five bytes and more do not turn up there by chance."""


def sniff(head: bytes) -> Sniffed:
    """Return what a file is; `head` are its first bytes, 64 at least unless the file is shorter."""
    for signature, sniffed in _SIGNATURES:
        if head.startswith(signature):
            return sniffed
    return _container(head) or _text(head)


def holds_active_content(window: bytes) -> bool:
    """Return whether bytes of a picture or video hold what a browser or web server could run."""
    lowered = window.lower()
    return any(mark in lowered for mark in _HIDDEN_MARKUP)


def _container(head: bytes) -> Sniffed | None:
    """Recognise formats whose signature is not at the very beginning, or does not say all."""
    sniffed = None
    if head[4:8] == b"ftyp":
        sniffed = _iso_media(head)
    elif head[4:8] in (b"moov", b"mdat", b"wide"):
        sniffed = Sniffed(Family.VIDEO, "video/quicktime")
    elif head[:4] == b"RIFF":
        sniffed = _riff(head[8:12])
    elif head[:4] == b"\x1a\x45\xdf\xa3":
        webm = b"webm" in head[:64]
        sniffed = Sniffed(Family.VIDEO, "video/webm") if webm else Sniffed(Family.OTHER, "a Matroska video")
    elif head[257:262] == b"ustar":
        sniffed = Sniffed(Family.OTHER, "a tar archive")
    return sniffed


def _iso_media(head: bytes) -> Sniffed:
    """Go by the major brand; `mif1` leaves the codec to the compatible brands (ISO/IEC 23008-12)."""
    if head[8:12] in _SOUND_BRANDS:
        return Sniffed(Family.OTHER, "a sound file")
    size = min(int.from_bytes(head[:4], "big"), len(head))
    for position in (8, *range(16, size - 3, 4)):
        media_type = _ISO_BRANDS.get(head[position : position + 4])
        if media_type:
            return Sniffed(Family(media_type.partition("/")[0]), media_type)
    return Sniffed(Family.OTHER, "an ISO media file of an unknown brand")


def _riff(form: bytes) -> Sniffed:
    if form == b"WEBP":
        return Sniffed(Family.IMAGE, "image/webp")
    return Sniffed(Family.OTHER, "a RIFF file")


def _text(head: bytes) -> Sniffed:
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = head[2:].replace(b"\0", b"").lstrip().lower()
    if text.startswith(_MARKUP) or holds_active_content(head):
        return Sniffed(Family.ACTIVE, "a web page, an SVG drawing or a script")
    return UNKNOWN
