"""Superadmins put watermarks on media that exist, watch that, and end it."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, update

from mediamill_catalog import watermark_planning
from mediamill_catalog.core import AUDIT, WATERMARK_JOBS
from mediamill_catalog.listing import MediaFilter
from mediamill_catalog.settings import PlatformSettings
from mediamill_catalog.tables import utc_now
from mediamill_catalog.watermark_planning import WatermarkRequest
from mediamill_console.usecases.plan_watermarks import ABANDONED_AFTER, WatermarkPlanner
from mediamill_contracts.ids import new_id
from mediamill_contracts.recipe import Watermark
from mediamill_contracts.watermark import RequestWatermark, WatermarkCancelled
from mediamill_runtime.identity import Role
from mediamill_testing.waiting import eventually

from .conftest import Console

NOBODYS = "0192f0c1-2b3d-7e4f-8a5b-000000000001"
MARK = {"text": "© Studio"}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/watermarks"),
        ("POST", "/watermarks"),
        ("POST", "/watermarks/remove"),
        ("GET", f"/watermarks/{NOBODYS}"),
        ("POST", f"/watermarks/{NOBODYS}/cancel"),
    ],
)
async def test_only_superadmins(console: Console, method: str, path: str) -> None:
    """Nobody gets 401, users and admins 403, and nothing is ordered; superadmins find what there is."""
    answers: tuple[tuple[Role | None, int], ...] = ((None, 401), ("user", 403), ("admin", 403))
    for role, status in answers:
        answer = await console.ask(method, path, MARK | {"filter": {}}, role=role)
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert await console.emitted(RequestWatermark.wire_name) == []
    if path.startswith(f"/watermarks/{NOBODYS}"):
        assert (await console.ask(method, path)).status_code == 404


async def test_a_job_is_ended_before_its_time(console: Console) -> None:
    """Workers are told once, the children say why they did not happen, and both acts are on record."""
    media_ids = [str(await console.add_medium(variants=2)) for _ in range(2)]
    begun = await console.ask("POST", "/watermarks", MARK | {"mediaIds": media_ids})
    assert (begun.status_code, begun.json()["status"]) == (202, "active")
    path = f"/watermarks/{begun.json()['id']}"
    ended = await console.ask("POST", f"{path}/cancel")
    job = ended.json()
    assert (ended.status_code, job["status"], job["done"], job["failed"]) == (200, "cancelled", 0, 2)
    assert {child["code"] for child in job["childJobs"]} == {"cancelled"}
    listed = (await console.ask("GET", "/watermarks")).json()
    assert [(item["id"], item["status"]) for item in listed["items"]] == [(job["id"], "cancelled")]
    again = await console.ask("POST", f"{path}/cancel")
    assert (again.status_code, again.json()["code"]) == (409, "watermark_ended")
    (payload,) = await console.emitted(WatermarkCancelled.wire_name)
    assert WatermarkCancelled.model_validate_json(payload).parent_job_id == UUID(job["id"])
    async with console.database.read() as session:
        acts = (await session.execute(select(AUDIT.c.action).order_by(AUDIT.c.id))).scalars().all()
    assert list(acts) == ["watermark.requested", "watermark.cancelled"]


async def test_what_one_transaction_does_not_plan_is_planned_after_it(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer tells of all media, a repetition gets the same job, and each medium is ordered once."""
    monkeypatch.setattr("mediamill_catalog.watermark_selection._AT_ONCE", 2)
    media_ids = {str(await console.add_medium(variants=1)) for _ in range(5)}
    wish: dict[str, Any] = MARK | {"filter": {}}
    begun, again = [await console.ask("POST", "/watermarks", wish, idempotency_key="once") for _ in range(2)]
    job = begun.json()
    assert (begun.status_code, job["status"], job["total"]) == (202, "active", 5)
    assert again.json()["id"] == job["id"]
    other = await console.ask("POST", "/watermarks/remove", {"filter": {}}, idempotency_key="once")
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")

    async def all_planned() -> list[str]:
        shown = (await console.ask("GET", f"/watermarks/{job['id']}")).json()
        assert len(shown["childJobs"]) == 5
        return [child["mediaId"] for child in shown["childJobs"]]

    assert set(await eventually(all_planned, 30)) == media_ids
    assert len(await console.emitted(RequestWatermark.wire_name)) == 5


async def test_a_plan_that_was_left_half_way_is_taken_up(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who took the job in is gone: another goes on once nothing has happened to it for a while."""
    monkeypatch.setattr("mediamill_catalog.watermark_selection._AT_ONCE", 2)
    for _ in range(5):
        await console.add_medium(variants=1)
    job_id, request = new_id(), WatermarkRequest("olga", Watermark(text="©"), wanted=MediaFilter())
    settings, planner = PlatformSettings(), WatermarkPlanner(console.database, PlatformSettings())
    async with console.database.write() as session:
        await watermark_planning.plan(session, job_id, request, settings=settings, now=utc_now())
    await planner.plan_abandoned()
    assert len(await console.emitted(RequestWatermark.wire_name)) == 2
    async with console.database.write() as session:
        await session.execute(update(WATERMARK_JOBS).values(updated_at=utc_now() - 2 * ABANDONED_AFTER))
    await planner.plan_abandoned()
    assert len(await console.emitted(RequestWatermark.wire_name)) == 5
