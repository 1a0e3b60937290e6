"""Uploads are received a few at a time, and nobody who is slow holds up the others."""

import asyncio
from contextlib import AsyncExitStack

import pytest
from starlette.types import Message, Receive

from mediamill_ingest.http.upload_turns import UploadTurns

LONG = 60.0
"""Longer than any test waits."""


async def _chunk() -> Message:
    return {"type": "http.request", "body": b"bytes", "more_body": True}


async def _silence() -> Message:
    await asyncio.get_running_loop().create_future()
    return {"type": "http.disconnect"}


async def _begun(turns: UploadTurns, receive: Receive = _chunk) -> tuple[asyncio.Task[None], asyncio.Event]:
    """Return an upload that reads until its event is set, or waits for its turn."""
    end = asyncio.Event()

    async def upload() -> None:
        async with turns.turn(receive) as watched:
            await watched()
            await end.wait()

    task = asyncio.create_task(upload())
    await asyncio.sleep(0)
    return task, end


async def _is_received(turns: UploadTurns) -> None:
    async with turns.turn(_chunk) as receive:
        await asyncio.wait_for(receive(), LONG)


async def test_the_next_upload_begins_when_one_has_ended() -> None:
    """Of more uploads than turns, those that came first are received first, each to its end."""
    turns = UploadTurns(2, LONG)
    uploads = [await _begun(turns) for _ in range(2)]
    waiting = asyncio.create_task(_is_received(turns))
    done, _ = await asyncio.wait([waiting], timeout=0.01)
    assert not done
    uploads[0][1].set()
    await asyncio.wait_for(waiting, LONG)
    uploads[1][1].set()
    await asyncio.gather(*(task for task, _ in uploads))


async def test_a_client_that_is_waited_for_holds_nobody_up() -> None:
    """A silent client loses its turn after a moment, and keeps its connection."""
    turns = UploadTurns(1, 0.01)
    slow, _ = await _begun(turns, _silence)
    for _ in range(3):
        await asyncio.wait_for(_is_received(turns), LONG)
    assert not slow.done()
    slow.cancel()


async def test_an_upload_that_went_on_without_a_turn_takes_none_with_it() -> None:
    """Whoever lost a turn and ends neither frees a second one nor leaves one taken."""
    turns = UploadTurns(1, 0.01)
    slow, _ = await _begun(turns, _silence)
    await _is_received(turns)
    working, end = await _begun(turns)
    slow.cancel()
    waiting = asyncio.create_task(_is_received(turns))
    done, _ = await asyncio.wait([waiting], timeout=0.05)
    assert not done
    end.set()
    await asyncio.wait_for(asyncio.gather(waiting, working), LONG)


@pytest.mark.parametrize("called", [False, True])
async def test_who_goes_away_while_queueing_costs_no_turn(called: bool) -> None:
    """A request that is cancelled in the queue, or just when it is called, leaves the turn to the next."""
    turns = UploadTurns(1, LONG)
    async with AsyncExitStack() as taken:
        await taken.enter_async_context(turns.turn(_chunk))
        gone, _ = await _begun(turns)
        if called:
            await taken.aclose()
        gone.cancel()
        await asyncio.wait([gone])
    await asyncio.wait_for(_is_received(turns), LONG)
