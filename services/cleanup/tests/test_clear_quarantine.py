"""Refused bytes go after their time, and their rows do not point at nothing."""

from mediamill_catalog.tables import MediaStatus
from mediamill_cleanup.duty import Run
from mediamill_cleanup.usecases.clear_quarantine import clear_quarantine
from mediamill_contracts.ids import new_id
from mediamill_storage.keys import quarantine_key

from .conftest import DAY, Bench


async def test_old_quarantine_goes(bench: Bench, run: Run) -> None:
    """After a week the bytes are gone and the row says so; younger ones can still be looked at."""
    old, young = new_id(), new_id()
    for media_id, age in ((old, 8 * DAY), (young, 6 * DAY)):
        key = await bench.put(quarantine_key(media_id), age=age)
        await bench.medium(MediaStatus.FAILED, media_id=media_id, key=key)
    await bench.put(quarantine_key(new_id()), age=8 * DAY)
    report = await clear_quarantine(bench.premises, 7 * DAY, run)
    assert await bench.stored() == {quarantine_key(young)}
    assert (await bench.find(old)).original_key is None
    assert (await bench.find(young)).original_key == quarantine_key(young)
    assert report.counts["quarantined objects removed"] == 2


async def test_a_dry_run_removes_nothing(bench: Bench, dry_run: Run) -> None:
    """It names what would go."""
    media_id = new_id()
    key = await bench.put(quarantine_key(media_id), age=8 * DAY)
    await bench.medium(MediaStatus.FAILED, media_id=media_id, key=key)
    report = await clear_quarantine(bench.premises, 7 * DAY, dry_run)
    assert report.named == {"quarantined objects removed": [key]}
    assert (await bench.find(media_id)).original_key == key
