"""What routes and metrics read, the same on both databases."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from mediamill_catalog import idempotency, jobs, listing, media, statistics, users
from mediamill_catalog.idempotency import Claim
from mediamill_catalog.listing import MediaFilter
from mediamill_catalog.tables import JobStatus, MediaStatus, Role, User
from mediamill_contracts.ids import new_id
from mediamill_database import Database
from mediamill_testing.rows import job_row, medium_row

NOW = datetime(2026, 5, 17, 12, 30, 15, 123456, tzinfo=UTC)


async def _add(database: Database, *, user_id: str = "anna", lane: str = "interactive", **row: Any) -> UUID:
    media_id = new_id()
    columns = {"user_id": user_id, "lane": lane, "status": MediaStatus.CONFIRMED} | row
    job = job_row(media_id, now=NOW, user_id=user_id, lane=lane)
    async with database.write() as session:
        await media.add(session, [medium_row(media_id, now=NOW, **columns)])
        await jobs.add(session, [job])
    return media_id


async def _list(database: Database, wanted: MediaFilter) -> list[UUID]:
    async with database.read() as session:
        page = await listing.list_media(session, wanted, limit=50)
    return [row.id for row in page.items]


async def test_pages_show_everything_once_newest_first(database: Database) -> None:
    """New arrivals while somebody pages through do not shift what is still to come."""
    added = [await _add(database) for _ in range(7)]
    seen: list[UUID] = []
    after: UUID | None = None
    for _ in range(10):
        async with database.read() as session:
            page = await listing.list_media(session, MediaFilter(), limit=3, after=after)
        seen += [row.id for row in page.items]
        after = page.next
        if after is None:
            break
        await _add(database)
    assert seen == added[::-1]


async def test_filters_combine_and_the_trash_is_apart(database: Database) -> None:
    """A deleted medium is in the trash only, and other people's media are nowhere."""
    kept, hidden = await _add(database), await _add(database)
    avatar = await _add(database, entity_type="avatar", entity_id="42")
    await _add(database, user_id="bert")
    async with database.write() as session:
        assert await media.hide(session, hidden, actor="anna", now=NOW)
    assert await _list(database, MediaFilter(user_id="anna")) == [avatar, kept]
    assert await _list(database, MediaFilter(user_id="anna", deleted=True)) == [hidden]
    assert await _list(database, MediaFilter(entity_type="avatar", entity_id="42")) == [avatar]
    assert await _list(database, MediaFilter(user_id="anna", status=MediaStatus.READY)) == []


async def test_times_come_back_in_utc_to_the_microsecond(database: Database) -> None:
    """What was written with a zone is read with one, and is the same moment."""
    media_id = await _add(database, created_at=NOW.astimezone(tz=None))
    async with database.read() as session:
        row = await media.find(session, media_id)
    assert row is not None
    assert (row.created_at, row.created_at.utcoffset()) == (NOW, timedelta(0))


async def test_counts_by_lane_and_status(database: Database) -> None:
    """The queue page adds up, and the count that guards waiting stops where it may."""
    for lane in ("interactive", "interactive", "bulk"):
        await _add(database, lane=lane)
    async with database.write() as session:
        row = (await listing.list_jobs(session, user_id="anna", limit=1)).items[0]
        assert await jobs.cancel_job(session, row.id, now=NOW)
    async with database.read() as session:
        counts = {(count.lane, count.status): count.count for count in await statistics.count_jobs(session)}
        assert await statistics.count_open_jobs(session, limit=10) == 2
        assert await statistics.count_open_jobs(session, limit=1) == 1
    assert counts == {("interactive", JobStatus.WAITING): 2, ("bulk", JobStatus.CANCELLED): 1}


async def test_finished_job_is_not_finished_again(database: Database) -> None:
    """The first end of a job stays, with its reason."""
    await _add(database)
    async with database.write() as session:
        job = (await listing.list_jobs(session, limit=1)).items[0]
        assert await jobs.fail_job(session, job.id, code="truncated", detail="cut", now=NOW)
        assert not await jobs.cancel_job(session, job.id, now=NOW)
        await jobs.complete_jobs(session, {job.id: 1}, now=NOW)
        found = await jobs.find(session, job.id)
    assert found is not None
    assert (found.status, found.error_code) == (JobStatus.FAILED, "truncated")


async def test_only_open_media_can_be_taken_for_a_change(database: Database) -> None:
    """`lock_open` leaves out what is final and what does not exist."""
    waiting, failed = await _add(database), await _add(database)
    async with database.write() as session:
        assert await media.mark_failed(session, failed, code="truncated", detail="", now=NOW)
        assert set(await media.lock_open(session, [waiting, failed, new_id()])) == {waiting}
        assert await media.mark_failed(session, failed, code="other", detail="", now=NOW) is None


async def test_of_equal_keys_the_first_is_kept(database: Database) -> None:
    """Also when they come in one batch; keys of others and those that were kept before do not mix."""
    answers = [("anna", "a", 1), ("bert", "a", 2), ("anna", "a", 3), ("anna", "b", 4)]
    claims = [Claim(user, key, "f", 202, {"n": number}, NOW) for user, key, number in answers]
    async with database.write() as session:
        assert await idempotency.claim(session, claims[3:]) == [True]
    async with database.write() as session:
        assert await idempotency.claim(session, claims) == [True, True, False, False]
    async with database.read() as session:
        kept = await idempotency.earlier_answer(session, user_id="anna", key="a", fingerprint="f")
    assert kept == {"n": 1}


async def test_user_is_found_however_the_address_is_written(database: Database) -> None:
    """Addresses differ in case only between keyboards."""
    user = User(email="Anna@Example.com", password_hash="x", role=Role.SUPERADMIN)
    async with database.write() as session:
        await users.add(session, user)
        assert await users.count(session, Role.SUPERADMIN) == 1
    async with database.read() as session:
        found = await users.by_email(session, "ANNA@example.COM")
    assert found is not None
    assert (found.id, found.email, found.role) == (user.id, "anna@example.com", Role.SUPERADMIN)
