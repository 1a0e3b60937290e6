"""The one verdict on a file, the same on every path that bytes take into the system.

`check_declared` judges what is said of a file before it comes; `inspect_head` needs the first bytes only, so
that an upload can be refused while it still arrives; `inspect_file` and `inspect_bytes` add what takes the
whole file. All raise RefusedFileError with a stable code:

`empty_file`, `unsupported_type`, `type_mismatch`, `executable_content`, `active_content`, `too_large`,
`truncated`.
"""

from collections.abc import Collection
from dataclasses import dataclass, field

from mediamill_contracts.recipe import Kind
from mediamill_storage import completeness
from mediamill_storage.byte_view import ByteView
from mediamill_storage.file_bytes import FileBytes
from mediamill_storage.sniff import Family, Sniffed, holds_active_content, sniff

INSPECTED_BYTES = 8 * 1024
"""How much of the beginning, and of the end, is searched for active content."""

DEFAULT_ACCEPTED = frozenset(
    {
        "image/jpeg",
        "image/png",
        "image/gif",
        "image/webp",
        "image/avif",
        "image/heic",
        "image/tiff",
        "video/mp4",
        "video/quicktime",
        "video/webm",
    }
)

_ALIASES = {
    "image/jpg": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "image/x-png": "image/png",
    "image/apng": "image/png",
    "image/heif": "image/heic",
    "image/heic-sequence": "image/heic",
    "image/heif-sequence": "image/heic",
    "image/tif": "image/tiff",
    "image/x-tiff": "image/tiff",
    "video/x-m4v": "video/mp4",
}
"""Names of the same type that senders use."""

_ACTIVE_TYPES = frozenset(
    {"image/svg+xml", "text/html", "application/xhtml+xml", "text/xml", "application/xml"}
    | {"text/javascript", "application/javascript", "application/x-httpd-php"}
)
"""Of files that a browser or web server would run, if they are what they are declared to be."""

_UNDECLARED = frozenset({"", "application/octet-stream", "binary/octet-stream"})
"""What senders say when they do not know."""


class RefusedFileError(Exception):
    """The file is not acceptable. `code` is stable; `detail` is safe to show to a user."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


@dataclass(frozen=True)
class AcceptancePolicy:
    """Which types are accepted, and up to how many bytes by kind."""

    accepted_types: Collection[str] = DEFAULT_ACCEPTED
    max_bytes: dict[Kind, int] = field(default_factory=lambda: {"image": 10_000_000, "video": 50_000_000})

    @property
    def largest_bytes(self) -> int:
        """Most bytes that any accepted file may have."""
        kinds = {kind_of(media_type) for media_type in self.accepted_types}
        return max((self.max_bytes[kind] for kind in kinds), default=0)

    def limit_of(self, media_type: str) -> int:
        """Return how many bytes a file of this type may have."""
        return self.max_bytes[kind_of(media_type)]

    def check_size(self, media_type: str, size_bytes: int) -> None:
        """Raise RefusedFileError when a file of this type may not have so many bytes."""
        limit = self.limit_of(media_type)
        if size_bytes > limit:
            raise too_large(limit)


def too_large(limit_bytes: int) -> "RefusedFileError":
    """Return the refusal of a file above its limit."""
    return RefusedFileError("too_large", f"larger than the {limit_bytes / 1_000_000:g} MB allowed")


def kind_of(media_type: str) -> Kind:
    """Return the kind of an accepted media type."""
    return "video" if media_type.startswith("video/") else "image"


def inspect_head(head: bytes, declared_type: str | None, policy: AcceptancePolicy) -> str:
    """Return the media type of a file that begins with `head`; raises RefusedFileError.

    `head` is the first INSPECTED_BYTES of the file, or all of a shorter one.
    """
    if not head:
        raise RefusedFileError("empty_file", "the file is empty")
    sniffed = sniff(head)
    _refuse_dangerous(sniffed)
    media_type = sniffed.name
    if media_type not in policy.accepted_types:
        raise RefusedFileError("unsupported_type", f"{media_type} is not accepted")
    declared = _canonical(declared_type)
    if declared is not None and declared != media_type:
        raise RefusedFileError("type_mismatch", f"declared as {declared[:100]}, but it is {media_type}")
    _refuse_active(head[:INSPECTED_BYTES])
    return media_type


def inspect_file(
    descriptor: int, size_bytes: int, declared_type: str | None, policy: AcceptancePolicy
) -> str:
    """Return the media type of a whole file, open for reading; raises RefusedFileError."""
    if size_bytes == 0:
        raise RefusedFileError("empty_file", "the file is empty")
    return inspect_bytes(FileBytes(descriptor, size_bytes), declared_type, policy)


def inspect_bytes(data: ByteView, declared_type: str | None, policy: AcceptancePolicy) -> str:
    """Return the media type of a whole file, given as its bytes; raises RefusedFileError."""
    media_type = inspect_head(data[:INSPECTED_BYTES], declared_type, policy)
    policy.check_size(media_type, len(data))
    _refuse_active(data[-INSPECTED_BYTES:])
    if not completeness.is_complete(data, media_type):
        raise RefusedFileError("truncated", f"the {media_type} ends before its time")
    return media_type


def check_declared(declared_type: str, size_bytes: int, policy: AcceptancePolicy) -> str:
    """Return the canonical name of what somebody is going to send; raises RefusedFileError.

    The verdict that the bytes themselves would get, as far as it follows from what is said of them.
    """
    if size_bytes == 0:
        raise RefusedFileError("empty_file", "the file is empty")
    media_type = _canonical(declared_type)
    if media_type in _ACTIVE_TYPES:
        raise RefusedFileError("active_content", f"{media_type} is not accepted")
    if media_type is None or media_type not in policy.accepted_types:
        raise RefusedFileError("unsupported_type", f"{(media_type or declared_type)[:100]} is not accepted")
    policy.check_size(media_type, size_bytes)
    return media_type


def _canonical(declared_type: str | None) -> str | None:
    declared = (declared_type or "").partition(";")[0].strip().lower()
    return None if declared in _UNDECLARED else _ALIASES.get(declared, declared)


def _refuse_dangerous(sniffed: Sniffed) -> None:
    if sniffed.family is Family.EXECUTABLE:
        raise RefusedFileError("executable_content", f"the file is {sniffed.name}")
    if sniffed.family is Family.ACTIVE:
        raise RefusedFileError("active_content", f"the file is {sniffed.name}")


def _refuse_active(window: bytes) -> None:
    if holds_active_content(window):
        raise RefusedFileError("active_content", "the file hides a web page or a script")
