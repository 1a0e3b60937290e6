"""Decides by content which decoder may touch a file, before any decoder does.

libvips can be built with dozens of loaders, some of them for formats that run code or read other files (SVG,
PDF, ImageMagick). Everything is blocked, then six formats are let in again.
"""

import mmap
from pathlib import Path

import pyvips

from mediamill_processor.pipeline.gif import is_cut_off
from mediamill_processor.pipeline.verdicts import UnacceptableFileError
from mediamill_storage.completeness import is_complete
from mediamill_storage.sniff import sniff

_HEAD_BYTES = 4096
_ALLOWED_LOADERS = ("Jpeg", "Png", "Webp", "Heif", "Nsgif", "Tiff")

LOADERS = {
    "image/jpeg": "jpegload",
    "image/png": "pngload",
    "image/webp": "webpload",
    "image/gif": "gifload",
    "image/tiff": "tiffload",
    "image/avif": "heifload",
}
"""The libvips loader that must turn up for each media type."""

HEIC = "image/heic"
"""Decoded apart from libvips, whose binary distribution has no HEVC decoder."""


def block_other_loaders() -> None:
    """Let libvips read the six known formats and nothing else, and keep no results between jobs."""
    pyvips.block_untrusted_set(True)
    pyvips.operation_block_set("VipsForeignLoad", True)
    for name in _ALLOWED_LOADERS:
        pyvips.operation_block_set(f"VipsForeignLoad{name}", False)
    pyvips.cache_set_max(0)


def check_content(source: Path, media_type: str) -> None:
    """Raise UnacceptableFileError unless the bytes are of `media_type`, and complete as far as is seen."""
    if media_type not in LOADERS and media_type != HEIC:
        raise UnacceptableFileError("unsupported_type", f"{media_type} is not a picture that can be read")
    with source.open("rb") as file:
        head = file.read(_HEAD_BYTES)
        if not head:
            raise UnacceptableFileError("empty_file", "the file is empty")
        found = sniff(head).name
        if found != media_type:
            raise UnacceptableFileError("type_mismatch", f"the file is not {media_type}, but {found}")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            if not is_complete(data, media_type) or (media_type == "image/gif" and is_cut_off(data)):
                raise UnacceptableFileError("truncated", "the picture ends before its time")
