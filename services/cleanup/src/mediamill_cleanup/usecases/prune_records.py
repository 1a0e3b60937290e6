"""Removes records that have served their time, and tells of messages that do not get away."""

from dataclasses import dataclass
from datetime import timedelta

from mediamill_catalog import pruning
from mediamill_cleanup.duty import Run
from mediamill_cleanup.report import MOST_NAMED, Report
from mediamill_database import Database


@dataclass(frozen=True)
class Retention:
    """How long each kind of record is kept."""

    idempotency_keys: timedelta
    inbox: timedelta
    dead_letters: timedelta
    """Closed ones; open ones are kept for ever."""
    bulk_jobs: timedelta
    """Ended sync and watermark jobs."""
    calls: timedelta
    """Ended ones, with their results."""
    stuck_after: timedelta
    """How long a message may wait in the outbox before it is told of."""


async def prune_records(database: Database, retention: Retention, run: Run) -> Report:
    """Remove what is past its retention; report what is stuck in the outbox, of which nothing is removed."""
    report = run.report()
    expired = {
        "idempotency keys removed": pruning.idempotency_keys(run.now - retention.idempotency_keys),
        "inbox entries removed": pruning.inbox_entries(run.now - retention.inbox),
        "closed dead letters removed": pruning.closed_dead_letters(run.now - retention.dead_letters),
        "ended sync jobs removed": pruning.ended_sync_jobs(run.now - retention.bulk_jobs),
        "ended watermark jobs removed": pruning.ended_watermark_jobs(run.now - retention.bulk_jobs),
        "ended calls removed": pruning.ended_calls(run.now - retention.calls),
        "sign-in limits removed": pruning.full_sign_in_limits(run.now),
    }
    for what, rows in expired.items():
        if run.dry_run:
            async with database.read() as session:
                report.count(what, await rows.count(session))
        else:
            report.count(what, await rows.remove(database))
    await _tell_stuck(database, retention, run, report)
    return report


async def _tell_stuck(database: Database, retention: Retention, run: Run, report: Report) -> None:
    async with database.read() as session:
        number, oldest = await pruning.stuck_messages(
            session, before=run.now - retention.stuck_after, limit=MOST_NAMED
        )
    if number:
        report.note(f"{number} messages are stuck in the outbox; they are kept and tried again")
        report.named["messages stuck"] = [
            f"{row.id} {row.type}, {row.attempts} tries: {row.last_error or 'not tried yet'}"
            for row in oldest
        ]
