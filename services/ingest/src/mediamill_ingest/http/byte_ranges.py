"""Parts of a file (RFC 9110, section 14): what a resumed download or a video player asks for."""

import re

_SINGLE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


class UnsatisfiableRangeError(Exception):
    """The range lies outside of the file."""


def requested_range(header: str | None, size: int) -> tuple[int, int] | None:
    """Return the first byte and the one after the last, or None when the whole file is to be sent.

    Several ranges at once are not worth their code; they get the whole file, as the RFC allows. Raises
    UnsatisfiableRangeError.
    """
    match = _SINGLE.fullmatch(header.replace(" ", "")) if header else None
    if match is None or match.group(0) == "bytes=-":
        return None
    first, last = match.groups()
    if not first:
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(size, int(last) + 1) if last else size
        if last and int(last) < int(first):
            return None
    if start >= end:
        raise UnsatisfiableRangeError
    return start, end
