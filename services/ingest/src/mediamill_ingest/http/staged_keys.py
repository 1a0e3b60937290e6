"""Takes over bytes that the caller, or a gateway on the caller's behalf, staged before."""

import asyncio
import hashlib
from collections.abc import Sequence
from operator import attrgetter
from pathlib import Path

from pydantic import Field

from mediamill_catalog import media
from mediamill_catalog.idempotency import RepeatableRequest
from mediamill_contracts.recipe import ObjectKey
from mediamill_ingest.http.acceptance import accept_staged, earlier_upload
from mediamill_ingest.http.incoming_file import StagedFile, clean_file_name
from mediamill_ingest.http.parts import HttpParts
from mediamill_ingest.http.schemas import BulkAccepted, BulkJob, BulkRejection
from mediamill_ingest.http.upload_fields import UploadFields
from mediamill_ingest.usecases.accept_upload import AcceptedUpload
from mediamill_storage.inspection import AcceptancePolicy, RefusedFileError, inspect_file
from mediamill_storage.keys import staged_prefix
from mediamill_storage.object_store import ObjectNotFoundError
from mediamill_storage.rooted_paths import UnsafeKeyError
from mediamill_web.schemas import Answer

_KEYS_AT_ONCE = 16


class StagedKey(Answer):
    """One staged object; `fileName` is what to call it, the end of its key when not given."""

    key: ObjectKey
    file_name: str | None = Field(default=None, max_length=255)
    mime_type: str | None = Field(default=None, max_length=100)


class BulkOfKeys(Answer, UploadFields):
    """A bulk upload of objects that are staged already."""

    files: list[StagedKey] = Field(min_length=1)


async def accept_staged_keys(
    parts: HttpParts, user_id: str, wanted: BulkOfKeys, requests: Sequence[RepeatableRequest | None]
) -> BulkAccepted:
    """Accept each staged object of the caller's that is acceptable; `requests` has one entry for each.

    Some are looked at side by side, so that they share transactions.
    """
    fields = UploadFields.model_validate(wanted.model_dump(exclude={"files"}))
    verdict = BulkAccepted(jobs=[], rejected=[])
    places = enumerate(zip(wanted.files, requests, strict=True))
    taken: set[str] = set()

    async def accept_in_turn() -> None:
        for place, (item, request) in places:
            name = clean_file_name(item.file_name or item.key)
            try:
                if item.key in taken:
                    raise _already_used()
                taken.add(item.key)
                accepted = await _accept(parts, user_id, item, name=name, fields=fields, request=request)
            except RefusedFileError as error:
                rejection = BulkRejection(filename=name, index=place, code=error.code, detail=error.detail)
                verdict.rejected.append(rejection)
            else:
                job = BulkJob(job_id=accepted.job_id, media_id=accepted.media_id, filename=name, index=place)
                verdict.jobs.append(job)

    ends = await asyncio.gather(*(accept_in_turn() for _ in range(_KEYS_AT_ONCE)), return_exceptions=True)
    for failure in filter(None, ends):
        raise failure
    verdict.jobs.sort(key=attrgetter("index"))
    verdict.rejected.sort(key=attrgetter("index"))
    return verdict


async def _accept(
    parts: HttpParts,
    user_id: str,
    item: StagedKey,
    *,
    name: str,
    fields: UploadFields,
    request: RepeatableRequest | None,
) -> AcceptedUpload:
    if not item.key.startswith(staged_prefix(user_id)):
        raise _not_staged()
    async with parts.database.read() as session:
        earlier = await earlier_upload(session, user_id, request)
        if earlier is not None:
            return earlier
        if await media.holds_original(session, item.key):
            raise _already_used()
    try:
        async with parts.store.local_copy(item.key) as path:
            examined = await asyncio.to_thread(_examine, path, item.mime_type, parts.policy)
    except (ObjectNotFoundError, UnsafeKeyError):
        raise _not_staged() from None
    media_type, size_bytes, sha256 = examined
    file = StagedFile(item.key, size_bytes, sha256, media_type, name)
    return await accept_staged(parts, user_id, file, fields, lane="bulk", request=request, keep_bytes=True)


def _already_used() -> RefusedFileError:
    return RefusedFileError("already_used", "this key belongs to an earlier upload")


def _not_staged() -> RefusedFileError:
    """Return the same refusal for a stranger's key and for one that does not exist."""
    return RefusedFileError("not_staged", "nothing of yours is staged under this key")


def _examine(path: Path, declared_type: str | None, policy: AcceptancePolicy) -> tuple[str, int, str]:
    with path.open("rb") as file:
        size_bytes = path.stat().st_size
        media_type = inspect_file(file.fileno(), size_bytes, declared_type, policy)
        return media_type, size_bytes, hashlib.file_digest(file, "sha256").hexdigest()
