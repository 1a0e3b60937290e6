"""Waits for bytes that a client says it has sent to S3: another of its requests may still be on the way."""

import asyncio
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Row

from mediamill_ingest.part_plan import part_sizes
from mediamill_ingest.ports import CloudStore
from mediamill_ingest.upload_errors import ObjectMissingError, PartMismatchError
from mediamill_ingest.usecases.sign_transfer import arrived_parts
from mediamill_storage.direct_access import UploadedPart, UploadNotFoundError
from mediamill_storage.object_store import ObjectStat

PAUSES_SECONDS = (0.1, 0.2, 0.4, 0.8, 1.0)
"""Between looks: longer than a request is under way, shorter than a person waits."""
_NAMED_MISSING = 10


async def await_object(cloud: CloudStore, row: Row[Any], named_parts: Mapping[int, str]) -> ObjectStat:
    """Return what S3 has under the upload's key, putting its parts together when all have arrived.

    `named_parts` are the ETags that the client knows, by number; it need not name any. Raises
    ObjectMissingError after the last look, and PartMismatchError.
    """
    for pause in (*PAUSES_SECONDS, None):
        missing = await _complete(cloud, row, named_parts) if row.multipart_id is not None else []
        found = await cloud.stat(row.original_key)
        if found is not None:
            return found
        if pause is not None:
            await asyncio.sleep(pause)
    if missing:
        numbers = ", ".join(map(str, missing[:_NAMED_MISSING]))
        raise ObjectMissingError(f"Of the file's parts, {len(missing)} have not arrived: {numbers}.")
    raise ObjectMissingError("The file has not arrived in S3.")


async def _complete(cloud: CloudStore, row: Row[Any], named_parts: Mapping[int, str]) -> list[int]:
    """Make the parts one object if all are there; return the numbers of those that are not."""
    arrived = await arrived_parts(cloud, row)
    missing = part_sizes(row.size_bytes).keys() - {part.number for part in arrived}
    if missing:
        return sorted(missing)
    _compare(arrived, named_parts)
    try:
        await cloud.direct.complete_multipart(row.original_key, row.multipart_id, arrived)
    except UploadNotFoundError:
        return []  # completed just now by somebody else
    return []


def _compare(arrived: list[UploadedPart], named_parts: Mapping[int, str]) -> None:
    known = {part.number: part.etag.strip('"') for part in arrived}
    wrong = sorted(number for number, etag in named_parts.items() if known.get(number) != etag.strip('"'))
    if wrong:
        raise PartMismatchError(f"Part {wrong[0]} is not the one that arrived in S3.")
