"""`POST /api/media/bulk`: many files in one request, processed on the lane that lets others pass."""

import asyncio
from itertools import islice
from typing import Any

from fastapi import APIRouter, Request

from mediamill_catalog.idempotency import RepeatableRequest
from mediamill_ingest.http.acceptance import accept_staged
from mediamill_ingest.http.bulk_form import BulkForm, ReceivedFiles
from mediamill_ingest.http.parts import HttpParts, Parts
from mediamill_ingest.http.refusals import UPLOAD_REFUSALS, too_many_files
from mediamill_ingest.http.schemas import BulkAccepted, BulkJob
from mediamill_ingest.http.staged_keys import BulkOfKeys, accept_staged_keys
from mediamill_ingest.http.upload_fields import upload_body
from mediamill_ingest.usecases.accept_upload import AcceptedUpload
from mediamill_runtime.identity import Identity
from mediamill_web.idempotency import IdempotencyKeyHeader, repeatable
from mediamill_web.identity import DOCUMENTED, Caller
from mediamill_web.json_body import described, json_body

_MAX_KEY_JSON_BYTES = 2_048
"""Most that one staged key takes in the request, with its name and its type."""
_SIDE_BY_SIDE = 32
"""Files of one request that are accepted together: half of what fits into a transaction."""
_BODY: dict[str, Any] = upload_body(many=True)
_BODY["content"] |= described(BulkOfKeys)

router = APIRouter(tags=["uploads"], dependencies=DOCUMENTED)


@router.post(
    "/api/media/bulk",
    status_code=202,
    response_model=BulkAccepted,
    responses=UPLOAD_REFUSALS,
    openapi_extra={"requestBody": _BODY},
)
async def upload_many(
    request: Request, parts: Parts, caller: Caller, idempotency_key: IdempotencyKeyHeader = None
) -> BulkAccepted:
    """Take many pictures in; each is accepted or refused on its own."""
    if request.headers.get("content-type", "").startswith("application/json"):
        most = parts.limits.max_bulk_files
        wanted = await json_body(request, parts, BulkOfKeys, max_bytes=(most + 1) * _MAX_KEY_JSON_BYTES)
        if len(wanted.files) > most:
            raise too_many_files(most)
        requests = [
            _part_of(
                request,
                idempotency_key,
                number,
                item.model_dump_json(),
                wanted.model_dump_json(exclude={"files"}),
            )
            for number, item in enumerate(wanted.files)
        ]
        return await accept_staged_keys(parts, caller.user_id, wanted, requests)
    with parts.right_of_way.receiving():
        received = await BulkForm(parts, caller.user_id).receive(request)
        return await _accept_files(request, parts, caller, received, idempotency_key)


async def _accept_files(
    request: Request, parts: HttpParts, caller: Identity, received: ReceivedFiles, key: str | None
) -> BulkAccepted:
    """Accept the files, some at a time so that they share a transaction; each that fails removes its bytes.

    An upload that comes meanwhile is accepted along with the next ones, and not behind them all. The keys of
    repetitions go by the files' places, so that a file's verdict does not shift those behind it.
    """
    fields = received.fields.model_dump_json()
    waiting = iter(received.staged.items())
    outcomes: list[AcceptedUpload | BaseException] = []
    while some := list(islice(waiting, _SIDE_BY_SIDE)):
        outcomes += await asyncio.gather(
            *(
                accept_staged(
                    parts,
                    caller.user_id,
                    file,
                    received.fields,
                    lane="bulk",
                    request=_part_of(request, key, place, file.sha256, file.file_name, fields),
                )
                for place, file in some
            ),
            return_exceptions=True,
        )
    verdict = BulkAccepted(jobs=[], rejected=received.rejected)
    for (place, file), accepted in zip(received.staged.items(), outcomes, strict=True):
        if isinstance(accepted, BaseException):
            raise accepted
        job = BulkJob(
            job_id=accepted.job_id, media_id=accepted.media_id, filename=file.file_name, index=place
        )
        verdict.jobs.append(job)
    return verdict


def _part_of(request: Request, key: str | None, number: int, *content: str) -> RepeatableRequest | None:
    """Return the repeatable request for one file: each is accepted in a transaction of its own."""
    return repeatable(request, None if key is None else f"{key}/{number}", *content)
