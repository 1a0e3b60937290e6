"""Reports of progress: soon, few, and none about what is over."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from mediamill_contracts.media import MediaAccepted
from mediamill_processor.progress import ProgressAnnouncer
from mediamill_testing.waiting import eventually

from .conftest import RememberingPublisher, Submit

PACE = 0.05


@pytest.fixture
async def progress(publisher: RememberingPublisher) -> AsyncIterator[ProgressAnnouncer]:
    """Give an announcer with a short pace."""
    announcer = ProgressAnnouncer(publisher, pace_seconds=PACE)
    yield announcer
    await announcer.close()


@pytest.fixture
def job(submit: Submit) -> MediaAccepted:
    """Give a job."""
    return submit(b"a picture")


def stages(publisher: RememberingPublisher) -> list[str]:
    """Return the stages that were announced."""
    return [report.stage for report in publisher.of("media.progressed")]


async def test_of_steps_that_come_fast_the_newest_is_shown(
    progress: ProgressAnnouncer, job: MediaAccepted, publisher: RememberingPublisher
) -> None:
    """Who watches a job that goes on sees where it is, not every step it took to get there."""
    progress.report(job, "started", 10, 1)
    progress.report(job, "decoded", 50, 1)
    progress.report(job, "encoded", 80, 1)
    await eventually(lambda: stages(publisher))
    assert stages(publisher) == ["encoded"]


async def test_steps_that_take_their_time_are_all_shown(
    progress: ProgressAnnouncer, job: MediaAccepted, publisher: RememberingPublisher
) -> None:
    """A long job is followed step by step."""
    progress.report(job, "started", 10, 1)
    await eventually(lambda: stages(publisher) == ["started"])
    progress.report(job, "decoded", 50, 1)
    await eventually(lambda: stages(publisher) == ["started", "decoded"])
    progress.report(job, "encoded", 80, 1)
    await eventually(lambda: stages(publisher) == ["started", "decoded", "encoded"])


async def test_the_end_overtakes_the_steps(
    progress: ProgressAnnouncer, submit: Submit, publisher: RememberingPublisher
) -> None:
    """A job that is over before its steps could be seen costs no report."""
    fast, slow = submit(b"fast"), submit(b"slow")
    for job in (fast, slow):
        progress.report(job, "started", 10, 1)
        progress.report(job, "decoded", 50, 1)
    progress.end(fast)
    await eventually(lambda: "decoded" in stages(publisher))
    reported = [(report.job_id, report.stage) for report in publisher.of("media.progressed")]
    assert reported == [(slow.job_id, "decoded")]


async def test_a_coming_retry_is_told(
    progress: ProgressAnnouncer, job: MediaAccepted, publisher: RememberingPublisher
) -> None:
    """The end of an attempt does not hide that there will be another one."""
    progress.report(job, "started", 10, 1)
    progress.report(job, "retrying", 10, 1)
    progress.end(job)
    await eventually(lambda: stages(publisher) == ["retrying"])


async def test_with_many_jobs_in_hand_each_tells_less(
    submit: Submit, publisher: RememberingPublisher
) -> None:
    """Each of four waits four times as long for its first report as one that is alone."""
    pace = 0.25
    progress = ProgressAnnouncer(publisher, pace_seconds=pace)
    jobs = [submit(f"picture {number}".encode()) for number in range(4)]
    for job in jobs:
        progress.report(job, "started", 10, 1)
    await asyncio.sleep(2 * pace)
    assert not stages(publisher)
    await eventually(lambda: stages(publisher) == ["started"] * len(jobs))
    await progress.close()


async def test_jobs_do_not_wait_for_each_other(
    progress: ProgressAnnouncer, submit: Submit, publisher: RememberingPublisher
) -> None:
    """Each job has a pace of its own."""
    for content in (b"one", b"two"):
        progress.report(submit(content), "started", 10, 1)
    await eventually(lambda: stages(publisher) == ["started", "started"])
