"""Superadmins put watermarks on media that exist, watch that, and end it."""

from uuid import UUID

import pytest
from sqlalchemy import select

from mediamill_catalog.core import AUDIT
from mediamill_contracts.watermark import RequestWatermark, WatermarkCancelled
from mediamill_runtime.identity import Role

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
