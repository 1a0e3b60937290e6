"""`POST /api/media`: one file in, and an answer as soon as it is safe."""

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from mediamill_catalog.tables import JobStatus
from mediamill_ingest.http.acceptance import accept_staged
from mediamill_ingest.http.parts import HttpParts, parts_of
from mediamill_ingest.http.refusals import UPLOAD_REFUSALS
from mediamill_ingest.http.schemas import JobView, MediaView, UploadAccepted
from mediamill_ingest.http.single_upload import SingleUpload
from mediamill_ingest.http.upload_fields import upload_body
from mediamill_ingest.http.waiting import finished_within, wanted_wait
from mediamill_ingest.usecases.accept_upload import AcceptedUpload
from mediamill_web.idempotency import KEY_PARAMETER, key_of, repeatable
from mediamill_web.identity import SECURITY, signed_in
from mediamill_web.problems import ProblemResponse

_RESPONSES: dict[int | str, dict[str, Any]] = {
    201: {"model": MediaView, "description": "Waited for, and ready"},
    **UPLOAD_REFUSALS,
}
_PREFER = {
    "name": "Prefer",
    "in": "header",
    "description": "`wait=N`: answer with the finished medium if it takes at most N seconds.",
    "schema": {"type": "string"},
}
_DESCRIPTION = {
    "requestBody": upload_body(many=False),
    "parameters": [KEY_PARAMETER, _PREFER],
    "security": SECURITY,
}

router = APIRouter(tags=["uploads"])


@router.post(
    "/api/media",
    status_code=202,
    response_model=UploadAccepted,
    responses=_RESPONSES,
    openapi_extra=_DESCRIPTION,
)
@router.post(
    "/api/admin/media",
    status_code=202,
    response_model=UploadAccepted,
    responses=_RESPONSES,
    openapi_extra=_DESCRIPTION,
)
async def upload(request: Request) -> Response:
    """Take one picture in: 202 as soon as it is safe, or 201 with the finished medium when asked to wait.

    Headers and identity are read here and not injected, which saves time on the busiest route.
    """
    parts = parts_of(request)
    caller = await signed_in(request, parts)
    key = key_of(request)
    with parts.right_of_way.receiving():
        file, fields = await SingleUpload(parts).receive(request, caller)
        repeated = repeatable(request, key, file.sha256, file.file_name, fields.model_dump_json())
        accepted = await accept_staged(parts, caller.user_id, file, fields, request=repeated)
    seconds = wanted_wait(request.headers.getlist("prefer"))
    if seconds:
        return await _answer_waited(parts, accepted, seconds)
    return _answer_accepted(accepted)


async def _answer_waited(parts: HttpParts, accepted: AcceptedUpload, seconds: int) -> Response:
    with parts.right_of_way.waiting_for_result():
        job = await finished_within(parts, accepted.job_id, seconds)
    if job is None:
        return _answer_accepted(accepted)
    return _answer_finished(job)


def _answer_finished(job: JobView) -> Response:
    if job.status != JobStatus.COMPLETED or job.result is None:
        code, detail = (job.error.code, job.error.detail) if job.error else (job.status, "")
        return ProblemResponse(422, code, detail, mediaId=str(job.media_id), jobId=str(job.job_id))
    body = job.result.model_dump(mode="json", by_alias=True)
    location = {"Location": f"/api/media/{job.media_id}", "Preference-Applied": "wait"}
    return JSONResponse(body, 201, location)


def _answer_accepted(accepted: AcceptedUpload) -> Response:
    body = {
        "success": True,
        "status": "processing",
        "jobId": str(accepted.job_id),
        "mediaId": str(accepted.media_id),
        "message": "The upload is safe and is being processed.",
    }
    return JSONResponse(body, 202, {"Location": f"/api/media/jobs/{accepted.job_id}"})
