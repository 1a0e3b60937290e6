"""Signs what a client needs to send a promised file, and tells what of it has arrived."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row

from mediamill_catalog import presigned
from mediamill_catalog.tables import utc_now
from mediamill_database import Database
from mediamill_ingest.part_plan import is_in_parts, part_sizes
from mediamill_ingest.ports import CloudStore
from mediamill_ingest.upload_errors import UploadExpiredError
from mediamill_storage.direct_access import SignedRequest, UploadedPart, UploadNotFoundError

SIGNED_AT_ONCE = 100
"""Parts in one answer; a client that needs more asks for them by number."""


@dataclass(frozen=True)
class SignedPart:
    """One part and the request that sends it; size in bytes."""

    number: int
    size_bytes: int
    request: SignedRequest


async def sign_single(cloud: CloudStore, row: Row[Any]) -> SignedRequest:
    """Return the request that sends the file whole; size and type are part of the signature."""
    return await cloud.direct.signed_put(
        row.original_key, media_type=row.media_type, size_bytes=row.size_bytes
    )


async def sign_parts(
    database: Database, cloud: CloudStore, row: Row[Any], numbers: Iterable[int]
) -> list[SignedPart]:
    """Return the requests that send these parts of an awaited file; numbers that it has not are left out.

    Raises UploadExpiredError when the upload is no longer awaited.
    """
    multipart_id = row.multipart_id or await _begin(database, cloud, row)
    sizes = part_sizes(row.size_bytes)
    return [
        SignedPart(
            number,
            sizes[number],
            await cloud.direct.signed_part(row.original_key, multipart_id, number, size_bytes=sizes[number]),
        )
        for number in numbers
        if number in sizes
    ]


async def arrived_parts(cloud: CloudStore, row: Row[Any]) -> list[UploadedPart]:
    """Return the parts that S3 has in their full size; none of a file that is not sent in parts."""
    if not is_in_parts(row.size_bytes) or row.multipart_id is None:
        return []
    try:
        found = await cloud.direct.list_parts(row.original_key, row.multipart_id)
    except UploadNotFoundError:
        return []
    sizes = part_sizes(row.size_bytes)
    return [part for part in found if sizes.get(part.number) == part.size_bytes]


async def _begin(database: Database, cloud: CloudStore, row: Row[Any]) -> str:
    """Begin the upload in parts, once: of two requests at the same time, one takes its own back."""
    begun = await cloud.direct.begin_multipart(row.original_key, media_type=row.media_type)
    async with database.write() as session:
        named = await presigned.name_multipart(session, row.id, begun, now=utc_now())
        current = await presigned.find(session, row.id, row.user_id)
    if named:
        return begun
    await cloud.direct.abort_multipart(row.original_key, begun)
    if current is None or current.multipart_id is None:
        raise UploadExpiredError
    other: str = current.multipart_id
    return other
