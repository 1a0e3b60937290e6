"""SHA-256 in the two forms that S3 wants, and its place among an object's metadata."""

import base64
import hashlib
from collections.abc import Mapping

_METADATA_NAME = "sha256"


def sha256_header(data: bytes) -> str:
    """Return the value of `x-amz-checksum-sha256` for these bytes: the server refuses any others."""
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


def header_of(sha256: str) -> str:
    """Return the header's value for a hash in hex."""
    return base64.b64encode(bytes.fromhex(sha256)).decode()


def hex_of(header: str | None) -> str | None:
    """Return a header's hash in hex; None for one that covers the hashes of parts instead of the bytes."""
    if header is None or "-" in header:
        return None
    return base64.b64decode(header).hex()


def metadata_of(sha256: str) -> dict[str, str]:
    """Return the metadata that keep an object's hash with it: S3 itself keeps none for several parts."""
    return {_METADATA_NAME: sha256}


def kept_in(metadata: Mapping[str, str]) -> str | None:
    """Return the hash that an object's metadata tell, in hex."""
    return metadata.get(_METADATA_NAME)
