"""Hands a staged file over to the use case, and cleans up when that says no."""

from contextlib import suppress
from uuid import UUID

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_catalog import media
from mediamill_catalog.idempotency import IdempotencyConflictError, RepeatableRequest, earlier_answer
from mediamill_contracts.ids import new_id
from mediamill_contracts.recipe import Lane
from mediamill_ingest.http.incoming_file import StagedFile
from mediamill_ingest.http.parts import HttpParts
from mediamill_ingest.http.upload_fields import UploadFields
from mediamill_ingest.usecases.accept_upload import (
    AcceptedUpload,
    StagedUpload,
)
from mediamill_web.idempotency import key_reused


async def accept_staged(
    parts: HttpParts,
    user_id: str,
    file: StagedFile,
    fields: UploadFields,
    *,
    lane: Lane = "interactive",
    request: RepeatableRequest | None = None,
    keep_bytes: bool = False,
) -> AcceptedUpload:
    """Make the upload durable. Unless it is accepted as new, its bytes are removed.

    `keep_bytes` leaves them, as for what somebody else staged. Raises ProblemError `idempotency_key_reused`.
    """
    upload = StagedUpload(
        media_id=new_id(),
        user_id=user_id,
        key=file.key,
        size_bytes=file.size_bytes,
        sha256=file.sha256,
        media_type=file.media_type,
        file_name=file.file_name,
        entity_type=fields.entity_type,
        entity_id=fields.entity_id,
        alt=fields.alt,
        title=fields.title,
        lane=lane,
    )
    try:
        accepted = await parts.intake.accept(upload, request)
    except BaseException as error:
        if not keep_bytes:
            await _remove_unless_committed(parts, upload)
        if isinstance(error, IdempotencyConflictError):
            raise key_reused() from None
        raise
    if accepted.repeated and not keep_bytes:
        await parts.store.delete(file.key)
    return accepted


async def earlier_upload(
    session: AsyncSession, user_id: str, request: RepeatableRequest | None
) -> AcceptedUpload | None:
    """Return what an earlier request with the same key made; raises ProblemError `idempotency_key_reused`."""
    if request is None:
        return None
    try:
        answer = await earlier_answer(
            session, user_id=user_id, key=request.key, fingerprint=request.fingerprint
        )
    except IdempotencyConflictError:
        raise key_reused() from None
    if answer is None:
        return None
    return AcceptedUpload(UUID(answer["mediaId"]), UUID(answer["jobId"]), repeated=True)


async def _remove_unless_committed(parts: HttpParts, upload: StagedUpload) -> None:
    """Look whether the commit went through; when nobody can tell, the bytes stay for the cleanup."""
    with suppress(DBAPIError, OSError):
        async with parts.database.read() as session:
            committed = await media.find(session, upload.media_id)
        if committed is None:
            await parts.store.delete(upload.key)
