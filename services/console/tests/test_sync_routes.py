"""Superadmins move media between stores, watch it, end it, and try again what failed."""

import asyncio
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_catalog import sync_planning
from mediamill_catalog.core import AUDIT, IDEMPOTENCY_KEYS, MEDIA
from mediamill_catalog.tables import MediaStatus, StorageStatus
from mediamill_console.usecases import request_sync
from mediamill_contracts.ids import new_id
from mediamill_contracts.sync import RequestSync
from mediamill_runtime.identity import Role

from .conftest import Console, OpenConsole

pytestmark = pytest.mark.parametrize(
    "database_url", ["sqlite", "postgres"], ids=["sqlite", "postgresql"], indirect=True
)
"""Here the two databases differ in how they lock."""

S3 = {"s3Enabled": True, "s3Bucket": "photos"}
NOBODYS = "0192f0c1-2b3d-7e4f-8a5b-000000000001"
"""Id of a job that does not exist; the same in every process that collects these tests."""
FIELDS = {
    "id",
    "operation",
    "deleteSource",
    "isParent",
    "parentJobId",
    "batchIndex",
    "batchSize",
    "status",
    "totalFiles",
    "processedFiles",
    "failedFiles",
    "processedBytes",
    "requestedBy",
    "createdAt",
    "updatedAt",
    "finishedAt",
}


async def _begin(console: Console, **wish: Any) -> dict[str, Any]:
    answer = await console.ask("POST", "/sync", wish)
    assert answer.status_code == 202, answer.text
    job: dict[str, Any] = answer.json()
    assert answer.headers["location"].endswith(job["id"])
    return job


async def _requests(console: Console) -> list[RequestSync]:
    return [RequestSync.model_validate_json(payload) for payload in await console.emitted("sync.requested")]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/sync"),
        ("POST", "/sync"),
        ("GET", f"/sync/{NOBODYS}"),
        ("POST", f"/sync/{NOBODYS}/cancel"),
        ("POST", f"/sync/{NOBODYS}/retry"),
    ],
)
async def test_only_superadmins(console: Console, method: str, path: str) -> None:
    """Nobody gets 401, users and admins 403, and nothing is begun."""
    wish = {"operation": "hard_delete", "mediaIds": [str(await console.add_medium())]}
    body = wish if method == "POST" else None
    answers: tuple[tuple[Role | None, int], ...] = ((None, 401), ("user", 403), ("admin", 403))
    for role, status in answers:
        answer = await console.ask(method, path, body, role=role)
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"
    assert await _requests(console) == []
    allowed = (await console.ask(method, path, body)).status_code
    assert allowed in (200, 202, 404)


async def test_few_files_are_one_job(console: Console) -> None:
    """The job is there at once, and the worker gets its order with bucket and objects."""
    await console.put(S3)
    media_id = await console.add_medium(variants=2)
    job = await _begin(console, operation="upload_to_s3", mediaIds=[str(media_id)], deleteSource=True)
    assert set(job) == FIELDS | {"childJobs", "results"}
    assert (job["isParent"], job["totalFiles"], job["status"], job["childJobs"]) == (False, 3, "active", [])
    (request,) = await _requests(console)
    assert (str(request.sync_job_id), request.delete_source) == (job["id"], True)
    assert request.s3 is not None
    assert (request.s3.bucket, len(request.items[0].objects)) == ("photos", 3)
    listed = (await console.ask("GET", "/sync?limit=1")).json()
    assert ([item["id"] for item in listed["items"]], set(listed["items"][0])) == ([job["id"]], FIELDS)
    async with console.database.read() as session:
        acts = await session.execute(select(AUDIT).where(AUDIT.c.action == "sync.requested"))
        act = acts.one()
    assert (act.actor, act.detail["syncJobId"], act.detail["media"]) == ("olga", job["id"], 1)


async def test_many_files_are_batches_of_a_parent(open_console: OpenConsole) -> None:
    """Batches hold no more than the settings say, and each can be looked at."""
    console = await open_console(
        sync_split_from=5,
        sync_batch_files=4,
        s3_bucket_name="photos",
        aws_access_key_id="key",
        aws_secret_access_key="a secret of the tests",
    )
    for _ in range(5):
        await console.add_medium(variants=1)
    await console.add_medium(variants=1, storage_status=StorageStatus.BOTH)
    job = await _begin(console, operation="upload_to_s3", filter={"storageStatus": "local"})
    assert (job["isParent"], job["totalFiles"], job["batchSize"]) == (True, 10, 3)
    assert [child["totalFiles"] for child in job["childJobs"]] == [4, 4, 2]
    assert {child["parentJobId"] for child in job["childJobs"]} == {job["id"]}
    batch = (await console.ask("GET", f"/sync/{job['childJobs'][1]['id']}")).json()
    assert (batch["batchIndex"], batch["isParent"]) == (1, False)
    brief = (await console.ask("GET", f"/sync/{job['id']}?results=0&batches=false")).json()
    assert brief == job | {"childJobs": [], "results": []}


async def test_repetition_begins_nothing_new(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same key and wish: the same job, planned once, also at the same time; another wish: 409."""
    promised: list[Any] = []

    async def plan(session: AsyncSession, *given: Any, **more: Any) -> UUID:
        promised.append(await session.scalar(select(IDEMPOTENCY_KEYS.c.answer)))
        return await sync_planning.plan(session, *given, **more)

    monkeypatch.setattr(request_sync, "sync_planning", SimpleNamespace(plan=plan))
    await console.put(S3)
    wish = {"operation": "upload_to_s3", "mediaIds": [str(await console.add_medium())]}
    answers = await asyncio.gather(
        *(console.ask("POST", "/sync", wish, idempotency_key="once") for _ in range(5))
    )
    assert {answer.status_code for answer in answers} == {202}
    assert promised == [{"id": answers[0].json()["id"]}]
    assert len({answer.json()["id"] for answer in answers}) == 1
    other = wish | {"deleteSource": True}
    refused = await console.ask("POST", "/sync", other, idempotency_key="once")
    assert (refused.status_code, refused.json()["code"]) == (409, "idempotency_key_reused")
    assert len(await _requests(console)) == 1


async def test_cancel_and_retry(console: Console) -> None:
    """What was cancelled is sent out again as the next run; what has ended cannot be cancelled."""
    await console.put(S3)
    job = await _begin(console, operation="upload_to_s3", mediaIds=[str(await console.add_medium())])
    path = f"/sync/{job['id']}"
    running = await console.ask("POST", f"{path}/retry")
    assert (running.status_code, running.json()["code"]) == (409, "nothing_to_retry")
    cancelled = await console.ask("POST", f"{path}/cancel")
    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
    again = await console.ask("POST", f"{path}/cancel")
    assert (again.status_code, again.json()["code"]) == (409, "sync_ended")
    assert len(await console.emitted("sync.cancelled")) == 1
    retried = await console.ask("POST", f"{path}/retry")
    assert (retried.status_code, retried.json()["status"]) == (200, "active")
    assert [request.run for request in await _requests(console)] == [0, 1]
    async with console.database.read() as session:
        acts = (await session.execute(select(AUDIT.c.action).order_by(AUDIT.c.id))).scalars().all()
    assert list(acts) == ["settings.changed", "sync.requested", "sync.cancelled", "sync.retried"]


async def test_results_say_why_a_file_was_left(console: Console) -> None:
    """The last copy is not removed, and the operator sees why; when there is another, a retry removes it."""
    await console.put(S3)
    media_id = await console.add_medium()
    job = await _begin(console, operation="delete_local", mediaIds=[str(media_id), str(new_id())])
    assert (job["status"], job["failedFiles"]) == ("failed", 2)
    assert {result["code"] for result in job["results"]} == {"last_copy", "not_found"}
    brief = (await console.ask("GET", f"/sync/{job['id']}?results=0")).json()
    assert (brief["failedFiles"], brief["results"]) == (2, [])
    async with console.database.write() as session:
        await session.execute(
            update(MEDIA).where(MEDIA.c.id == media_id).values(storage_status=StorageStatus.BOTH)
        )
    retried = (await console.ask("POST", f"/sync/{job['id']}/retry")).json()
    assert retried["failedFiles"] == 1
    (request,) = await _requests(console)
    assert [item.media_id for item in request.items] == [media_id]


@pytest.mark.parametrize(
    ("settings", "wish", "status", "code"),
    [
        ({}, {"operation": "upload_to_s3"}, 409, "s3_disabled"),
        ({}, {"operation": "delete_s3"}, 409, "s3_not_configured"),
        (S3, {"operation": "upload_to_s3", "filter": {"entityType": "none"}}, 422, "nothing_to_sync"),
        (S3, {"operation": "shred"}, 422, "invalid_request"),
        (S3, {"operation": "upload_to_s3", "filter": {}}, 422, "invalid_request"),
        (S3, {"operation": "hard_delete", "mediaIds": None, "filter": {}}, 422, "invalid_request"),
        (S3, {"operation": "delete_s3", "deleteSource": True}, 422, "invalid_request"),
        (S3, {"operation": "upload_to_s3", "mediaIds": []}, 422, "invalid_request"),
        (
            S3,
            {"operation": "upload_to_s3", "mediaIds": None, "filter": {"colour": "red"}},
            422,
            "invalid_request",
        ),
    ],
)
async def test_what_cannot_be_done_is_refused(
    console: Console, settings: dict[str, Any], wish: dict[str, Any], status: int, code: str
) -> None:
    """At once and with a reason, rather than as a job that fails."""
    await console.put(settings)
    media_id = str(await console.add_medium())
    body = wish if code == "nothing_to_sync" else {"mediaIds": [media_id]} | wish
    answer = await console.ask("POST", "/sync", body)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert await _requests(console) == []


async def test_a_retry_goes_where_s3_is_now(console: Console) -> None:
    """A wrong bucket is corrected and the job sent out again; while S3 is disabled nothing is put there."""
    await console.put(S3)
    media_id = await console.add_medium(status=MediaStatus.FAILED)
    job = await _begin(console, operation="upload_to_s3", mediaIds=[str(media_id)])
    assert job["status"] == "failed"
    async with console.database.write() as session:
        await session.execute(update(MEDIA).where(MEDIA.c.id == media_id).values(status=MediaStatus.READY))
    await console.put({"s3Bucket": "corrected", "s3Enabled": False})
    refused = await console.ask("POST", f"/sync/{job['id']}/retry")
    assert (refused.status_code, refused.json()["code"]) == (409, "s3_disabled")
    await console.put({"s3Enabled": True})
    assert (await console.ask("POST", f"/sync/{job['id']}/retry")).json()["status"] == "active"
    (request,) = await _requests(console)
    assert request.s3 is not None
    assert request.s3.bucket == "corrected"


async def test_what_is_in_s3_can_be_brought_back_while_s3_is_disabled(console: Console) -> None:
    """Disabling S3 stops what goes in; nothing is locked in."""
    await console.put(S3)
    media_id = await console.add_medium(storage_status=StorageStatus.S3)
    await console.put({"s3Enabled": False})
    job = await _begin(console, operation="download_from_s3", mediaIds=[str(media_id)])
    assert job["status"] == "active"


@pytest.mark.parametrize(("setting", "removes_s3"), [(True, True), (False, False)])
async def test_hard_deletion_follows_the_settings(console: Console, setting: bool, removes_s3: bool) -> None:
    """Copies in S3 go along if `s3DeleteWithLocal` says so, unless the wish says otherwise."""
    await console.put(S3 | {"s3DeleteWithLocal": setting})
    job = await _begin(console, operation="hard_delete", mediaIds=[str(await console.add_medium())])
    assert job["deleteSource"] is removes_s3
    said = await _begin(
        console, operation="hard_delete", mediaIds=[str(await console.add_medium())], deleteSource=not setting
    )
    assert said["deleteSource"] is not setting


@pytest.mark.parametrize("path", ["", "/cancel", "/retry"])
async def test_unknown_job_is_not_found(console: Console, path: str) -> None:
    """404, as a problem document."""
    answer = await console.ask("POST" if path else "GET", f"/sync/{new_id()}{path}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_pages_show_each_job_once(console: Console) -> None:
    """Newest first, batches left out."""
    await console.put(S3)
    begun = [
        (await _begin(console, operation="upload_to_s3", mediaIds=[str(await console.add_medium())]))["id"]
        for _ in range(3)
    ]
    first = (await console.ask("GET", "/sync?limit=2")).json()
    rest = (await console.ask("GET", f"/sync?limit=2&cursor={UUID(first['nextCursor'])}")).json()
    assert [item["id"] for item in first["items"] + rest["items"]] == begun[::-1]
    assert rest["nextCursor"] is None
    assert (await console.ask("GET", "/sync?status=failed")).json()["items"] == []
