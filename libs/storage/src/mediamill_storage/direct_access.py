"""What browsers may do with a bucket themselves, by URLs that are signed for exactly one thing."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

URL_SECONDS = 300
"""How long a signed URL is valid unless said otherwise."""


class UploadNotFoundError(Exception):
    """There is no multipart upload of this id: it was completed, aborted, or never begun."""


@dataclass(frozen=True)
class SignedRequest:
    """A request that the holder may make, with a body."""

    method: str
    url: str
    headers: dict[str, str] = field(default_factory=dict)
    """Must be sent exactly so."""


@dataclass(frozen=True)
class UploadedPart:
    """One part of a multipart upload as the store has it; numbers begin at 1."""

    number: int
    etag: str
    size_bytes: int = 0


class DirectAccess(Protocol):
    """Lets clients upload to a store and download from it without passing through us.

    Signing sends nothing. Whatever asks the store raises StoreUnavailableError, and UploadNotFoundError where
    a multipart upload is named.
    """

    async def signed_get(
        self,
        key: str,
        *,
        media_type: str | None = None,
        disposition: str | None = None,
        head: bool = False,
        seconds: int = URL_SECONDS,
    ) -> str:
        """Return a URL that gives the object, with this Content-Type and Content-Disposition if given.

        The method is part of what is signed: with `head` the URL is good for HEAD, and for nothing else.
        """

    async def signed_put(
        self, key: str, *, media_type: str, size_bytes: int, seconds: int = URL_SECONDS
    ) -> SignedRequest:
        """Return a PUT that stores exactly so many bytes of exactly this type under `key`."""

    async def begin_multipart(self, key: str, *, media_type: str) -> str:
        """Begin an upload in parts; return its id."""

    async def signed_part(
        self, key: str, upload_id: str, number: int, *, size_bytes: int, seconds: int = URL_SECONDS
    ) -> SignedRequest:
        """Return a PUT for one part of exactly so many bytes; its answer's ETag names the part."""

    async def list_parts(self, key: str, upload_id: str) -> list[UploadedPart]:
        """Return the parts that the store has, by number: what a resumed upload need not send again."""

    async def complete_multipart(self, key: str, upload_id: str, parts: Sequence[UploadedPart]) -> None:
        """Make the parts one object."""

    async def abort_multipart(self, key: str, upload_id: str) -> None:
        """Remove the parts; an upload that is gone already is fine."""
