"""How a large file is cut into parts: a rule over its size alone, the same for every request about it."""

MULTIPART_FROM_BYTES = 16 * 1024 * 1024
"""From here on a file is sent in parts: what a lost connection costs is one part, not the file."""
PART_BYTES = 8 * 1024 * 1024
"""Small enough to be sent again on a mobile network, above S3's least of 5 MiB."""
_MOST_PARTS = 10_000
"""S3 takes no more; above 80 GB parts grow instead."""


def is_in_parts(size_bytes: int) -> bool:
    """Return whether a file of this size is sent in parts."""
    return size_bytes >= MULTIPART_FROM_BYTES


def part_bytes(size_bytes: int) -> int:
    """Return the size of each part but the last."""
    return max(PART_BYTES, -(-size_bytes // _MOST_PARTS))


def part_sizes(size_bytes: int) -> dict[int, int]:
    """Return the size in bytes of each part by its number, from 1."""
    each = part_bytes(size_bytes)
    count = -(-size_bytes // each)
    return {number: min(each, size_bytes - (number - 1) * each) for number in range(1, count + 1)}
