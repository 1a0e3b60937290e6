"""Media reach S3 in the end when their strategy wants them there, and stay where operators put them."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from mediamill_catalog import schedules
from mediamill_catalog.settings import PlatformSettings
from mediamill_catalog.tables import MediaStatus, StorageStatus
from mediamill_cleanup.duty import Run
from mediamill_cleanup.report import Report
from mediamill_cleanup.usecases.mend_drift import NAME, mend_drift
from mediamill_contracts.sync import RequestSync

from .conftest import DAY, NOW, Bench

WITH_S3 = PlatformSettings(s3_enabled=True, s3_bucket="bucket")
AGE = timedelta(minutes=15)


async def drifted(bench: Bench, strategy: str, **values: Any) -> UUID:
    """Insert a medium, READY unless given, that is in local storage only."""
    values = {"storage_strategy": strategy, "sha256": "ab" * 32} | values
    return await bench.medium(**values)


async def mend(bench: Bench, run: Run, platform: PlatformSettings = WITH_S3) -> Report:
    """Run the duty with its usual patience."""
    return await mend_drift(bench.database, bench.premises.depths, platform, AGE, run)


async def test_what_its_strategy_wants_in_s3_is_sent_there(bench: Bench, run: Run) -> None:
    """Each is asked for once, and what belongs in S3 alone leaves the local store afterwards."""
    both, first, only = [await drifted(bench, each) for each in ("both", "local_first", "s3_only")]
    await drifted(bench, "local_only")
    await drifted(bench, "both", storage_status=StorageStatus.BOTH)
    report = await mend(bench, run)
    asked = {each.items[0].media_id: each for each in await bench.emitted(RequestSync)}
    assert asked.keys() == {both, first, only}
    assert {each.operation for each in asked.values()} == {"upload_to_s3"}
    assert [asked[each].delete_source for each in (both, first, only)] == [False, False, True]
    assert report.counts["copies to S3 asked for again"] == 3


async def test_what_can_never_be_copied_takes_nobodys_place(
    bench: Bench, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that was full goes on where it ended, and begins anew when it has come to the end."""
    monkeypatch.setattr("mediamill_cleanup.usecases.mend_drift.BATCH", 2)
    monkeypatch.setattr("mediamill_cleanup.usecases.mend_drift.MOST_IN_A_RUN", 2)
    media_ids = sorted([await drifted(bench, "both") for _ in range(3)])
    async with bench.database.write() as session:
        await schedules.plan(session, NAME, None, now=NOW)
    asked = [(await mend(bench, run)).named.get("copies to S3 asked for again", []) for _ in range(3)]
    expected = [media_ids[:2], media_ids[2:], media_ids[:2]]
    assert asked == [[str(media_id) for media_id in each] for each in expected]


async def test_what_is_none_of_its_business_is_left_alone(bench: Bench, run: Run) -> None:
    """Copies may be under way still, an operator may have decided, the owner may have deleted it."""
    await drifted(bench, "both", age=timedelta(minutes=14))
    await drifted(bench, "both", given_up_at=NOW - DAY)
    await drifted(bench, "both", deleted_at=NOW - DAY)
    await drifted(bench, "both", status=MediaStatus.PROCESSING)
    report = await mend(bench, run)
    assert not +report.counts
    assert await bench.emitted(RequestSync) == []


async def test_settings_decide(bench: Bench, run: Run) -> None:
    """Without S3 nothing is missing there; without automatic copies, `local_first` media lack nothing."""
    first = await drifted(bench, "local_first")
    assert not +(await mend(bench, run, PlatformSettings())).counts
    by_hand = PlatformSettings(s3_enabled=True, s3_bucket="bucket", s3_auto_sync=False)
    assert not +(await mend(bench, run, by_hand)).counts
    assert (await mend(bench, run)).named == {"copies to S3 asked for again": [str(first)]}


async def test_a_busy_or_absent_worker_is_not_asked_twice(bench: Bench, run: Run) -> None:
    """While transfers wait in the queue, asking again would only make it longer."""
    await drifted(bench, "both")
    bench.depths["storage-sync.transfers"] = 7
    report = await mend(bench, run)
    assert report.notes == ["7 transfers wait for storage-sync already: nothing is asked for again"]
    assert await bench.emitted(RequestSync) == []


async def test_a_dry_run_asks_for_nothing(bench: Bench, dry_run: Run) -> None:
    """It names what would be copied."""
    both = await drifted(bench, "both")
    report = await mend(bench, dry_run)
    assert report.named == {"copies to S3 asked for again": [str(both)]}
    assert await bench.emitted(RequestSync) == []
