"""Jobs that nobody waits for any more are stopped, and others are left alone."""

import asyncio
from uuid import uuid4

import pytest

from mediamill_processor.running_jobs import JobCancelledError, RunningJobs


async def test_cancelled_job_ends_and_its_neighbour_goes_on() -> None:
    """Cancelling one job stops its work at once, with its clean-up done; another ends as it would."""
    running, stopped = RunningJobs(), []
    one, other = uuid4(), uuid4()
    begun = asyncio.Event()

    async def endless() -> str:
        try:
            begun.set()
            await asyncio.Event().wait()
        finally:
            stopped.append(one)
        return "never"

    async def quick() -> str:
        await begun.wait()
        return "done"

    endless_run = asyncio.create_task(running.run(one, endless()))
    quick_run = asyncio.create_task(running.run(other, quick()))
    await begun.wait()
    running.cancel(one)
    with pytest.raises(JobCancelledError):
        await endless_run
    assert stopped == [one]
    assert await quick_run == "done"


async def test_cancelled_job_does_not_begin() -> None:
    """The message of a job that was cancelled while it waited costs nothing."""
    running, job_id = RunningJobs(), uuid4()

    async def work() -> str:
        raise AssertionError("began")

    running.cancel(job_id)
    with pytest.raises(JobCancelledError):
        await running.run(job_id, work())


async def test_all_parts_of_a_cancelled_job_end() -> None:
    """Also one that ends badly because it was stopped; what had ended well by then counts."""
    running, job_id, begun = RunningJobs(), uuid4(), asyncio.Semaphore(0)

    async def work() -> None:
        begun.release()
        try:
            await asyncio.Event().wait()
        finally:
            raise RuntimeError("ffmpeg was killed")

    async def quick() -> str:
        return "done"

    assert await running.run(job_id, quick()) == "done"
    parts = [asyncio.create_task(running.run(job_id, work())) for _ in range(2)]
    for _ in parts:
        await begun.acquire()
    running.cancel(job_id)
    ends = await asyncio.gather(*parts, return_exceptions=True)
    assert [type(end) for end in ends] == [JobCancelledError, JobCancelledError]


async def test_loss_of_the_connection_is_no_cancellation_of_the_job() -> None:
    """When the consumer itself is cancelled, the work ends and the message goes back."""
    running, begun, stopped = RunningJobs(), asyncio.Event(), asyncio.Event()

    async def endless() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    consumer = asyncio.create_task(running.run(uuid4(), endless()))
    await begun.wait()
    consumer.cancel()
    with pytest.raises(asyncio.CancelledError):
        await consumer
    assert stopped.is_set()
