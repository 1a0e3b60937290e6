"""Old records go; work that somebody was promised is never among them."""

from datetime import timedelta
from typing import Any

from sqlalchemy import Table, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_catalog.core import (
    CALLS,
    IDEMPOTENCY_KEYS,
    SIGN_IN_LIMITS,
    SYNC_ITEMS,
    SYNC_JOBS,
    WATERMARK_ITEMS,
)
from mediamill_catalog.operator_tables import SyncItem, SyncJob, WatermarkItem, WatermarkJob
from mediamill_catalog.tables import JobStatus
from mediamill_cleanup.duty import Run
from mediamill_cleanup.usecases.prune_records import Retention, prune_records
from mediamill_contracts.ids import new_id
from mediamill_contracts.media import MediaFailed
from mediamill_messaging.transport import DeadLetter
from mediamill_outbox import discard, emit, record_dead_letter
from mediamill_outbox.tables import dead_letter, inbox, outbox

from .conftest import DAY, NOW, Bench

RETENTION = Retention(
    idempotency_keys=DAY,
    inbox=7 * DAY,
    dead_letters=30 * DAY,
    bulk_jobs=30 * DAY,
    calls=DAY,
    stuck_after=timedelta(minutes=10),
)


async def count(bench: Bench, table: Table) -> int:
    """Return the number of rows."""
    async with bench.database.read() as session:
        return (await session.execute(select(func.count()).select_from(table))).scalar_one()


async def fill(bench: Bench) -> None:
    """Put one record that is old and one that is not into each table, and a thousand into the inbox."""
    async with bench.database.write() as session:
        keys = [("old", 2 * DAY), ("young", DAY / 2)]
        await session.execute(insert(IDEMPOTENCY_KEYS), [_idempotency_key(key, age) for key, age in keys])
        old = (NOW - 8 * DAY).timestamp()
        rows = [{"queue": "q", "event_id": str(new_id()), "received_at": old} for _ in range(1_200)]
        rows.append({"queue": "q", "event_id": "young", "received_at": NOW.timestamp()})
        await session.execute(insert(inbox), rows)
        for name in ("open", "closed"):
            await record_dead_letter(session, DeadLetter("q", name, "media.failed", "media.failed", b"{}"))
        of_closed = dead_letter.c.event_id == "closed"
        closed = (await session.execute(select(dead_letter.c.id).where(of_closed))).one()
        await discard(session, closed.id, "somebody")
        long_ago = (NOW - 40 * DAY).timestamp()
        await session.execute(update(dead_letter).values(dead_at=long_ago))
        await session.execute(update(dead_letter).where(of_closed).values(closed_at=long_ago))
        await _sync_jobs(session)
        await session.execute(insert(CALLS), [_call(2 * DAY), _call(DAY / 2), _call(None)])
        limits = [
            {"name": name, "full_at": NOW.timestamp() + away} for name, away in [("old", -1), ("young", 1)]
        ]
        await session.execute(insert(SIGN_IN_LIMITS), limits)


def _idempotency_key(key: str, age: timedelta) -> dict[str, Any]:
    return {
        "user_id": "user-1",
        "key": key,
        "fingerprint": "0" * 64,
        "status_code": 202,
        "answer": {},
        "created_at": NOW - age,
    }


def _call(ended: timedelta | None) -> dict[str, Any]:
    """Return a call that ended so long ago, or that waits."""
    return {
        "id": new_id(),
        "user_id": "user-1",
        "type": "image_generation",
        "status": JobStatus.WAITING if ended is None else JobStatus.COMPLETED,
        "attempts": 1,
        "payload": {},
        "created_at": NOW - 3 * DAY,
        "updated_at": NOW,
        "finished_at": None if ended is None else NOW - ended,
    }


async def _sync_jobs(session: AsyncSession) -> None:
    asked: dict[str, Any] = {"operation": "upload_to_s3", "requested_by": "somebody"}
    for finished in (NOW - 40 * DAY, None):
        parent = SyncJob(id=new_id(), is_parent=True, finished_at=finished, **asked)
        child = SyncJob(id=new_id(), parent_id=parent.id, finished_at=finished, **asked)
        item = SyncItem(job_id=child.id, media_id=new_id(), files=1, size_bytes=1)
        marking = WatermarkJob(id=new_id(), requested_by="somebody", total=1, finished_at=finished)
        marked = WatermarkItem(id=new_id(), parent_id=marking.id, media_id=new_id(), variants=[])
        for row in (parent, child, item, marking, marked):
            session.add(row)
            await session.flush()


async def test_what_is_old_goes_and_the_rest_stays(bench: Bench, run: Run) -> None:
    """Each table keeps its young records, open dead letters and running syncs; batches leave nothing out."""
    await fill(bench)
    report = await prune_records(bench.database, RETENTION, run)
    assert report.as_dict()["counts"] == {
        "closed dead letters removed": 1,
        "ended calls removed": 1,
        "ended sync jobs removed": 1,
        "ended watermark jobs removed": 1,
        "idempotency keys removed": 1,
        "inbox entries removed": 1_200,
        "sign-in limits removed": 1,
    }
    tables = (IDEMPOTENCY_KEYS, inbox, dead_letter, SYNC_ITEMS, WATERMARK_ITEMS, SIGN_IN_LIMITS)
    assert [await count(bench, table) for table in tables] == [1] * 6
    assert await count(bench, SYNC_JOBS) == 2
    assert await count(bench, CALLS) == 2


async def test_a_dry_run_only_counts(bench: Bench, dry_run: Run) -> None:
    """It finds the same numbers and removes nothing."""
    await fill(bench)
    report = await prune_records(bench.database, RETENTION, dry_run)
    assert report.counts["inbox entries removed"] == 1_200
    assert await count(bench, inbox) == 1_201
    assert await count(bench, SYNC_JOBS) == 4


async def test_stuck_messages_are_told_of_and_kept(bench: Bench, run: Run) -> None:
    """A message that cannot be sent is named with its error, and stays to be tried again."""
    message = MediaFailed(media_id=new_id(), job_id=new_id(), user_id="u", code="x", detail="x")
    async with bench.database.write() as session:
        await emit(session, message)
        long_ago = (NOW - DAY).timestamp()
        await session.execute(update(outbox).values(created_at=long_ago, attempts=7, last_error="no route"))
    report = await prune_records(bench.database, RETENTION, run)
    assert report.notes == ["1 messages are stuck in the outbox; they are kept and tried again"]
    assert "media.failed, 7 tries: no route" in report.named["messages stuck"][0]
    assert await count(bench, outbox) == 1
