"""Jobs that nobody waits for any more are stopped, and others are left alone."""

import asyncio
from uuid import uuid4

import pytest

from mediamill_processor.running_jobs import RunningJobs


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
    assert await endless_run is None
    assert stopped == [one]
    assert await quick_run == "done"


async def test_cancelled_job_does_not_begin() -> None:
    """The message of a job that was cancelled while it waited costs nothing."""
    running, job_id = RunningJobs(), uuid4()

    async def work() -> str:
        raise AssertionError("began")

    running.cancel(job_id)
    assert await running.run(job_id, work()) is None


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
