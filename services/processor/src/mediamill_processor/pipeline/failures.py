"""Sorts libvips' errors, which tell their kinds apart by words only."""

import pyvips

from mediamill_processor.pipeline.verdicts import UnacceptableFileError

_CUT_OFF_MARKS = ("premature end", "truncat", "end of file", "read error", "bad seek")
_MEMORY_MARK = "memory"
"""libvips says `out of memory`, libjpeg `insufficient memory`, others have their own words around it."""


def decoding_failure(error: pyvips.Error) -> Exception:
    """Return what to raise for an error while reading a file: it is the file's fault, or memory is short."""
    message = str(error).lower()
    if _MEMORY_MARK in message:
        return MemoryError(message)
    if any(mark in message for mark in _CUT_OFF_MARKS):
        return UnacceptableFileError("truncated", "the picture ends before its time")
    return UnacceptableFileError("corrupt", "the picture cannot be decoded")


def encoding_failure(error: pyvips.Error) -> Exception:
    """Return what to raise for an error while writing a variant: never the file's fault."""
    message = str(error).lower()
    if _MEMORY_MARK in message:
        return MemoryError(message)
    return OSError(message)
