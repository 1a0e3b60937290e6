"""Has media removed for good whose time in the trash is over, and asks again where a removal got stuck.

Each is judged once more while its row is locked: what is restored at this moment stays.
"""

from datetime import timedelta
from uuid import UUID

from mediamill_catalog import purges, trash
from mediamill_catalog.settings import PlatformSettings
from mediamill_cleanup.batches import BATCH
from mediamill_cleanup.duty import Run
from mediamill_cleanup.report import Report
from mediamill_database import Database

ACTOR = "system"
ASK_AGAIN_AFTER = timedelta(hours=1)
"""Removals take seconds. One that is not done by then was lost on its way, or storage-sync is away."""


async def empty_trash(database: Database, platform: PlatformSettings, run: Run) -> Report:
    """Request the removal of what was deleted longer ago than its retention, unless operators do it."""
    report = run.report()
    if platform.auto_cleanup_enabled:
        await _request(database, platform, run, report)
    else:
        report.note("automatic cleanup is disabled in the settings: nothing is removed from the trash")
    await _ask_again(database, platform, run, report)
    return report


async def _request(database: Database, platform: PlatformSettings, run: Run, report: Report) -> None:
    limit = run.now - timedelta(days=platform.soft_delete_retention_days)
    after: UUID | None = None
    while True:
        async with database.read() as session:
            found = await trash.deleted_before(session, limit, count=BATCH, after=after)
        if not found:
            return
        after = found[-1].id
        going = list(found)
        if not run.dry_run:
            async with database.write() as session:
                going = await purges.request_purge(
                    session,
                    [medium.id for medium in found],
                    actor=ACTOR,
                    settings=platform,
                    now=run.now,
                    deleted_before=limit,
                )
        report.add("media removed from the trash", *(medium.id for medium in going))
        report.bytes_freed += sum(medium.size_bytes for medium in going)


async def _ask_again(database: Database, platform: PlatformSettings, run: Run, report: Report) -> None:
    """Send all unfinished removals out once more; doing one twice does no harm."""
    after: UUID | None = None
    while True:
        async with database.read() as session:
            overdue = await purges.overdue_purges(
                session, before=run.now - ASK_AGAIN_AFTER, limit=BATCH, after=after
            )
        if not overdue:
            return
        after = overdue[-1]
        if not run.dry_run:
            async with database.write() as session:
                await purges.emit_due_purges(session, overdue, settings=platform)
        report.add("unfinished removals asked for again", *overdue)
