"""Copies media to S3 that their strategy wants there and that an earlier copy did not bring there.

What an operator took out of a store is no drift: a store that was given up is not filled again by itself.
"""

from datetime import timedelta
from uuid import UUID

from mediamill_catalog import drift, schedules
from mediamill_catalog.settings import PlatformSettings
from mediamill_catalog.sync_automatic import request_copy
from mediamill_cleanup.batches import BATCH
from mediamill_cleanup.duty import Run
from mediamill_cleanup.premises import Depths
from mediamill_cleanup.report import Report
from mediamill_contracts.topology import STORAGE_SYNC_TRANSFERS
from mediamill_database import Database

MOST_IN_A_RUN = 5_000
"""Media asked for at once; after a long outage the rest follows with the next runs."""
NAME = "mend-drift"
_LEFT_OFF = "leftOff"
"""Name, in the duty's state, of the medium that a full run ended with: the next one goes on behind it.

Media that can never be copied, as those whose bytes are lost, would else take all the places of each run.
"""


async def mend_drift(
    database: Database, depths: Depths, platform: PlatformSettings, age: timedelta, run: Run
) -> Report:
    """Ask again for copies that are missing for `age`, unless storage-sync still has others to make."""
    report = run.report()
    location = platform.s3_location
    if location is None:
        return report
    waiting = (await depths()).get(STORAGE_SYNC_TRANSFERS.name, 0)
    if waiting:
        report.note(f"{waiting} transfers wait for storage-sync already: nothing is asked for again")
        return report
    strategies = drift.wanting_s3(platform)
    after = await _left_off(database)
    while report.counts.total() < MOST_IN_A_RUN:
        async with database.read() as session:
            found = await drift.lacking_s3(
                session, strategies, before=run.now - age, count=BATCH, after=after
            )
        if not found:
            after = None
            break
        after = found[-1].id
        for moves in (False, True):
            media_ids = [row.id for row in found if (row.storage_strategy == "s3_only") is moves]
            if media_ids and not run.dry_run:
                async with database.write() as session:
                    await request_copy(
                        session, media_ids, "s3", s3=location, now=run.now, delete_source=moves
                    )
            report.add("copies to S3 asked for again", *media_ids)
    if not run.dry_run:
        async with database.write() as session:
            await schedules.keep_state(session, NAME, {} if after is None else {_LEFT_OFF: str(after)})
    return report


async def _left_off(database: Database) -> UUID | None:
    async with database.write() as session:
        state = await schedules.state_of(session, NAME)
    return UUID(state[_LEFT_OFF]) if _LEFT_OFF in state else None
