"""Hands a staged file over to the use case, and cleans up when that says no."""

from contextlib import suppress

from sqlalchemy.exc import DBAPIError

from mediamill_catalog import media
from mediamill_catalog.idempotency import IdempotencyConflictError
from mediamill_contracts.ids import new_id
from mediamill_contracts.recipe import Lane
from mediamill_ingest.http.idempotency import key_reused
from mediamill_ingest.http.incoming_file import StagedFile
from mediamill_ingest.http.parts import HttpParts
from mediamill_ingest.http.upload_fields import UploadFields
from mediamill_ingest.usecases.accept_upload import (
    AcceptedUpload,
    RepeatableRequest,
    StagedUpload,
    accept_upload,
)


async def accept_staged(
    parts: HttpParts,
    user_id: str,
    file: StagedFile,
    fields: UploadFields,
    *,
    lane: Lane = "interactive",
    request: RepeatableRequest | None = None,
) -> AcceptedUpload:
    """Make the upload durable. Unless it is accepted as new, its bytes are removed."""
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
        accepted = await accept_upload(parts.database, upload, request)
    except IdempotencyConflictError:
        await parts.store.delete(file.key)
        raise key_reused() from None
    except BaseException:
        await _remove_unless_committed(parts, upload)
        raise
    if accepted.repeated:
        await parts.store.delete(file.key)
    return accepted


async def _remove_unless_committed(parts: HttpParts, upload: StagedUpload) -> None:
    """Look whether the commit went through; when nobody can tell, the bytes stay for the cleanup."""
    with suppress(DBAPIError, OSError):
        async with parts.database.read() as session:
            committed = await media.find(session, upload.media_id)
        if committed is None:
            await parts.store.delete(upload.key)
