"""Where objects live. Keys are made from ids and hashes, never from a file's name."""

import hashlib
import secrets
from datetime import datetime
from uuid import UUID

EXTENSIONS = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/gif": "gif",
    "image/webp": "webp",
    "image/avif": "avif",
    "image/heic": "heic",
    "image/tiff": "tif",
    "video/mp4": "mp4",
    "video/quicktime": "mov",
    "video/webm": "webm",
}
"""The one table of media types that are taken in, and the extension of their keys."""
PLAYLIST_TYPE = "application/vnd.apple.mpegurl"
"""HTTP Live Streaming; made here, never taken in."""

TEMPORARY = "temp/"
PERMANENT = "permanent/"
QUARANTINE = "failed/"


def staged_prefix(user_id: str) -> str:
    """Return the common beginning of the keys that a user's own bytes wait under."""
    return f"{TEMPORARY}{_segment(user_id)}/"


def staged_key(user_id: str, upload_id: UUID, extension: str) -> str:
    """Return the key of bytes that wait for admission."""
    return f"{staged_prefix(user_id)}{upload_id}.{extension}"


def sealed_key(user_id: str, upload_id: UUID) -> str:
    """Return a new key for a copy of staged bytes that nobody outside can have a signed URL for."""
    return f"{staged_prefix(user_id)}{upload_id}.{secrets.token_hex(8)}.sealed"


def permanent_prefix(media_id: UUID, sha256: str, created_at: datetime) -> str:
    """Return the common beginning of a medium's objects.

    The hash covers the id too, so that two media with the same bytes never share an object
    and one of them can be deleted without a look at the other.
    """
    digest = hashlib.sha256(media_id.bytes + bytes.fromhex(sha256)).hexdigest()[:40]
    return f"{PERMANENT}{created_at:%Y}/{created_at:%m}/unlinked/{digest}"


def original_key(prefix: str, media_type: str) -> str:
    """Return the key of the original under a medium's prefix."""
    return f"{prefix}.{EXTENSIONS[media_type]}"


def variant_key(prefix: str, name: str, media_type: str) -> str:
    """Return the key of one variant under a medium's prefix."""
    extension = "m3u8" if media_type == PLAYLIST_TYPE else EXTENSIONS[media_type]
    return f"{prefix}_{name}.{extension}"


def in_folder(key: str, folder: str) -> str:
    """Return the key that a medium's object has in another folder of the same month, as in a message's."""
    month, _, name = key.rsplit("/", 2)
    return f"{month}/{folder}/{name}"


def quarantine_key(upload_id: UUID) -> str:
    """Return the key of bytes that were refused."""
    return f"{QUARANTINE}{upload_id}.quarantine"


def _segment(user_id: str) -> str:
    """Return a user id as one safe path segment: ids of outside providers may hold any character."""
    if user_id.replace("-", "").isalnum() and user_id.isascii() and len(user_id) <= 64:
        return user_id
    return "u" + hashlib.sha256(user_id.encode()).hexdigest()[:32]
