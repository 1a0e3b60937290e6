"""What is asked every hour, whatever there is by then, is found by an index: no table is read as a whole."""

import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_catalog import expiry, pruning, purges, trash
from mediamill_catalog.pruning import JobRetention
from mediamill_database import Database

NOW = datetime(2026, 5, 17, 12, 0, tzinfo=UTC)
RETENTION = JobRetention(
    completed_before=NOW - timedelta(days=1),
    surplus_before=NOW - timedelta(hours=1),
    failed_before=NOW - timedelta(days=7),
    keep_newest=1_000,
)

Question = Callable[[AsyncSession], Awaitable[Any]]
QUESTIONS: dict[str, Question] = {
    "finished jobs": lambda session: pruning.expired_jobs(session, RETENTION),
    "ended calls": pruning.ended_calls(NOW).count,
    "idempotency keys": pruning.idempotency_keys(NOW).count,
    "inbox": pruning.inbox_entries(NOW).count,
    "trash": lambda session: trash.deleted_before(session, NOW, count=10),
    "removals": lambda session: purges.overdue_purges(session, before=NOW, limit=10),
    "uploads": lambda session: expiry.unchanged_since(session, NOW, limit=10),
}


@pytest.mark.parametrize("what", QUESTIONS)
@pytest.mark.parametrize("either_database", ["postgres"], indirect=True)
async def test_duties_read_no_table_as_a_whole(database: Database, what: str) -> None:
    """PostgreSQL finds the rows without going through all of them, and sorts none but few."""
    asked: list[tuple[str, Any]] = []

    @event.listens_for(database.engine.sync_engine, "before_cursor_execute")
    def note(*call: Any) -> None:
        asked.append((call[2], call[3]))

    async with database.read() as session:
        await QUESTIONS[what](session)
    statement, parameters = asked[-1]
    async with database.engine.connect() as connection:
        # Of empty tables, as in tests, any plan is cheap; this shows what is left where they are not.
        for setting in ("enable_seqscan", "enable_bitmapscan"):
            await connection.execute(text(f"SET {setting} = off"))
        plan = "\n".join(
            row[0] for row in await connection.exec_driver_sql(f"EXPLAIN {statement}", parameters)
        )
    assert "Seq Scan" not in plan, plan
    assert "Disabled: true" not in plan, plan
    assert not re.search("Sort Key: .*finished_at", plan), plan
