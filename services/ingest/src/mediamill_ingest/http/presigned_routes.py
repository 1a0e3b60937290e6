"""`/api/media/upload/…`: clients send files to S3 themselves, and tell when they are there."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from sqlalchemy import Row

from mediamill_catalog import presigned
from mediamill_ingest.http.incoming_file import clean_file_name
from mediamill_ingest.http.parts import HttpParts, Parts
from mediamill_ingest.http.presigned_problems import named_problems
from mediamill_ingest.http.presigned_schemas import (
    ArrivedPart,
    ConfirmUpload,
    InitiateUpload,
    Multipart,
    PartsSigned,
    PartUrl,
    SignParts,
    UploadConfirmed,
    UploadInitiated,
    UploadState,
)
from mediamill_ingest.http.refusals import refusal
from mediamill_ingest.http.views import media_views
from mediamill_ingest.metrics import count_refused
from mediamill_ingest.part_plan import is_in_parts, part_bytes, part_sizes
from mediamill_ingest.ports import CloudStore
from mediamill_ingest.upload_errors import UnknownUploadError, UploadExpiredError
from mediamill_ingest.usecases.initiate_upload import WantedUpload, initiate_upload
from mediamill_ingest.usecases.sign_transfer import (
    SIGNED_AT_ONCE,
    SignedPart,
    arrived_parts,
    sign_parts,
    sign_single,
)
from mediamill_runtime.identity import Identity
from mediamill_storage.direct_access import URL_SECONDS
from mediamill_storage.inspection import RefusedFileError, check_declared
from mediamill_web.idempotency import KEY_IS_FINE, IdempotencyKeyHeader, repeatable
from mediamill_web.identity import DOCUMENTED, Caller
from mediamill_web.json_body import described, json_body
from mediamill_web.problems import ProblemError
from mediamill_web.responses import refusals

_MAX_BODY_BYTES = 16 * 1024
_MAX_CONFIRM_BYTES = 2 * 1024 * 1024
"""Ten thousand parts with their ETags."""

router = APIRouter(tags=["uploads"], prefix="/api/media/upload", dependencies=DOCUMENTED)


@router.post(
    "/initiate",
    status_code=201,
    responses=refusals(400, 401, 403, 408, 409, 410, 413, 415, 422, 429, 503),
    openapi_extra={"requestBody": {"required": True, "content": described(InitiateUpload)}},
)
async def initiate(
    request: Request, parts: Parts, caller: Caller, idempotency_key: IdempotencyKeyHeader = None
) -> UploadInitiated:
    """Promise a place for one file; send it there, then confirm."""
    wanted = await json_body(request, parts, InitiateUpload, max_bytes=_MAX_BODY_BYTES)
    with named_problems():
        cloud = parts.stores.cloud_for_uploads()
        repeated = repeatable(request, idempotency_key, wanted.model_dump_json())
        upload = _accepted(parts, caller, wanted)
        row = await initiate_upload(parts.database, parts.upload_pace, upload, repeated)
        return await _signed(parts, cloud, row)


@router.get("/{upload_id}", responses=refusals(401, 404, 409, 422, 503))
async def get_upload(upload_id: UUID, parts: Parts, caller: Caller) -> UploadState:
    """Tell how far an upload is, so that it can be taken up again."""
    with named_problems():
        row = await _own_upload(parts, upload_id, caller)
        in_parts = is_in_parts(row.size_bytes)
        arrived = []
        if in_parts and row.status in presigned.AWAITED:
            arrived = await arrived_parts(parts.stores.cloud(), row)
    return UploadState(
        upload_id=row.id,
        status=row.status,
        file_name=row.file_name,
        mime_type=row.media_type,
        file_size=row.size_bytes,
        s3_key=row.original_key,
        part_size=part_bytes(row.size_bytes) if in_parts else None,
        part_count=len(part_sizes(row.size_bytes)) if in_parts else None,
        arrived_parts=[
            ArrivedPart(part_number=part.number, etag=part.etag, size=part.size_bytes) for part in arrived
        ],
        created_at=row.created_at,
        expires_at=row.created_at + parts.confirmation.lifetime,
    )


@router.post(
    "/{upload_id}/parts",
    dependencies=KEY_IS_FINE,
    responses=refusals(400, 401, 403, 404, 408, 409, 410, 413, 422, 503),
    openapi_extra={"requestBody": {"required": True, "content": described(SignParts)}},
)
async def sign_more(upload_id: UUID, request: Request, parts: Parts, caller: Caller) -> PartsSigned:
    """Sign parts of a large file: those beyond the first answer's, and any whose time is over."""
    wanted = await json_body(request, parts, SignParts, max_bytes=_MAX_BODY_BYTES)
    with named_problems():
        row = await _own_upload(parts, upload_id, caller)
        if row.status not in presigned.AWAITED:
            raise UploadExpiredError
        if not is_in_parts(row.size_bytes):
            raise ProblemError(400, "not_in_parts", "The file is sent whole.")
        signed = await sign_parts(parts.database, parts.stores.cloud(), row, wanted.part_numbers)
    return PartsSigned(parts=_urls(signed), expires_in=URL_SECONDS)


@router.post(
    "/confirm",
    dependencies=KEY_IS_FINE,
    responses=refusals(400, 401, 403, 404, 408, 409, 410, 413, 422, 503),
    openapi_extra={"requestBody": {"required": True, "content": described(ConfirmUpload)}},
)
async def confirm(request: Request, parts: Parts, caller: Caller) -> UploadConfirmed:
    """Tell that the file is sent; again: the same medium and job."""
    wanted = await json_body(request, parts, ConfirmUpload, max_bytes=_MAX_CONFIRM_BYTES)
    named = {part.part_number: part.etag for part in wanted.parts}
    try:
        with named_problems():
            confirmed = await parts.confirmation.confirm(wanted.upload_id, caller.user_id, named)
    except RefusedFileError as error:
        detail = f"The upload is refused: {error.detail}."
        raise ProblemError(400, error.code, detail) from None
    async with parts.database.read() as session:
        (view,) = await media_views(session, [confirmed.medium])
    return UploadConfirmed(**view.model_dump(), job_id=confirmed.job_id)


def _accepted(parts: HttpParts, caller: Identity, wanted: InitiateUpload) -> WantedUpload:
    """Return the upload if its type and size are acceptable; the codes are those of an upload's bytes."""
    try:
        media_type = check_declared(wanted.mime_type, wanted.file_size, parts.policy)
    except RefusedFileError as error:
        count_refused(error.code)
        raise refusal(error, close=False) from None
    return WantedUpload(
        user_id=caller.user_id,
        file_name=clean_file_name(wanted.file_name),
        media_type=media_type,
        size_bytes=wanted.file_size,
        entity_type=wanted.entity_type,
        entity_id=wanted.entity_id,
        alt=wanted.alt,
        title=wanted.title,
    )


async def _signed(parts: HttpParts, cloud: CloudStore, row: Row[Any]) -> UploadInitiated:
    url, headers, multipart = None, {}, None
    if is_in_parts(row.size_bytes):
        sizes = part_sizes(row.size_bytes)
        signed = await sign_parts(parts.database, cloud, row, list(sizes)[:SIGNED_AT_ONCE])
        multipart = Multipart(
            part_size=part_bytes(row.size_bytes), part_count=len(sizes), parts=_urls(signed)
        )
    else:
        single = await sign_single(cloud, row)
        url = single.url
        headers = {name: value for name, value in single.headers.items() if name != "Content-Length"}
    return UploadInitiated(
        upload_id=row.id,
        presigned_url=url,
        headers=headers,
        multipart=multipart,
        expires_in=URL_SECONDS,
        s3_key=row.original_key,
    )


def _urls(signed: list[SignedPart]) -> list[PartUrl]:
    return [PartUrl(part_number=part.number, url=part.request.url, size=part.size_bytes) for part in signed]


async def _own_upload(parts: HttpParts, upload_id: UUID, caller: Identity) -> Row[Any]:
    async with parts.database.read() as session:
        row = await presigned.find(session, upload_id, caller.user_id)
    if row is None:
        raise UnknownUploadError
    return row
