"""Jobs are followed to their end, by polling alone and hurried along by live hints."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import pytest
import socketio
import uvicorn

from mediamill_client.api import MediamillClient
from mediamill_client.errors import NotFoundError, WaitTimeoutError
from mediamill_client.models import Job
from mediamill_client.watching import Hint, Watcher
from mediamill_testing.ports import free_port
from mediamill_testing.waiting import eventually

from .mini_server import TOKEN, MiniServer, media_view, problem, quick_client


async def test_wait_for_returns_the_finished_job(server: MiniServer) -> None:
    """Polling ends with the final state and its result."""
    job_id = server.new_job(
        {"status": "waiting"},
        {"status": "active", "progress": 50},
        {"status": "completed", "progress": 100, "result": media_view()},
    )
    async with quick_client(server.url) as client:
        job = await client.wait_for(job_id, seconds=60)
    assert job.succeeded
    assert job.result is not None
    assert [variant.url for variant in job.result.variants] == ["/media/m1/small"]


async def test_wait_for_returns_a_failed_job_with_its_reason(server: MiniServer) -> None:
    """A verdict on the file is a result, not an exception."""
    error = {"code": "truncated_image", "detail": "The picture ends too early."}
    job_id = server.new_job({"status": "failed", "error": error})
    async with quick_client(server.url) as client:
        job = await client.wait_for(job_id)
    assert not job.succeeded
    assert job.error is not None
    assert job.error.code == "truncated_image"


async def test_wait_for_survives_a_server_that_is_away_for_a_moment(server: MiniServer) -> None:
    """A restart of the server while somebody waits goes unnoticed."""
    server.script.extend([problem(503, "unavailable"), problem(502, "bad_gateway")])
    job_id = server.new_job({"status": "completed"})
    async with quick_client(server.url) as client:
        assert (await client.wait_for(job_id)).succeeded


async def test_wait_for_ends_when_patience_does(server: MiniServer) -> None:
    """A job that never ends raises after the given seconds."""
    job_id = server.new_job({"status": "active", "progress": 10})
    async with quick_client(server.url) as client:
        with pytest.raises(WaitTimeoutError):
            await client.wait_for(job_id, seconds=0.3)


async def test_wait_for_all_answers_in_the_order_asked(server: MiniServer) -> None:
    """Many jobs are waited for as one, and each answer stands where its id stood."""
    slow = server.new_job({"status": "waiting"}, {"status": "waiting"}, {"status": "completed"})
    failed = server.new_job({"status": "failed", "error": {"code": "x", "detail": "y"}})
    async with quick_client(server.url) as client:
        jobs = await client.wait_for_all([slow, failed], seconds=60)
    assert [job.status for job in jobs] == ["completed", "failed"]


async def test_wait_for_all_names_a_job_that_is_not_finished(server: MiniServer) -> None:
    """When patience ends, the error says for which job it did."""
    done, endless = server.new_job({"status": "completed"}), server.new_job({"status": "active"})
    async with quick_client(server.url) as client:
        with pytest.raises(WaitTimeoutError, match=str(endless)):
            await client.wait_for_all([done, endless], seconds=0.5)


async def test_waiting_for_an_unknown_job_fails_at_once(server: MiniServer) -> None:
    """A mistyped id is not waited for."""
    async with quick_client(server.url) as client:
        with pytest.raises(NotFoundError):
            await client.wait_for(UUID(int=1))


async def test_watch_reports_each_change_once(server: MiniServer) -> None:
    """Two jobs are followed together; states that repeat are not repeated."""
    first = server.new_job(
        {"status": "waiting"},
        {"status": "waiting"},
        {"status": "active", "progress": 50},
        {"status": "completed", "progress": 100},
    )
    second = server.new_job({"status": "failed"})
    seen: dict[UUID, list[str]] = {first: [], second: []}
    async with quick_client(server.url) as client:
        async for job in client.watch([first, second], live=False):
            seen[job.job_id].append(job.status)
    assert seen == {first: ["waiting", "active", "completed"], second: ["failed"]}


async def test_watch_without_a_notifier_falls_back_to_polling(server: MiniServer) -> None:
    """The server knows no Socket.IO; watching works all the same."""
    job_id = server.new_job({"status": "waiting"}, {"status": "completed"})
    async with quick_client(server.url) as client:
        statuses = [job.status async for job in client.watch([job_id])]
    assert statuses == ["waiting", "completed"]


async def test_live_hints_replace_polling(server: MiniServer) -> None:
    """Progress comes from the hint without a look, and the end is looked up when the hint comes."""
    job_id = server.new_job({"status": "active", "progress": 10})
    state = server.jobs[job_id][0]
    async with notifier() as (hints_url, sockets):
        client = MediamillClient(server.url, token=TOKEN, events_url=hints_url)
        async with client:
            changes = client.watch([job_id])
            first = await anext(changes)
            nexts: asyncio.Queue[Job] = asyncio.Queue()
            following = asyncio.create_task(_drain(changes, nexts))
            await eventually(lambda: sockets.tokens == [TOKEN])
            await eventually(lambda: server.looks >= 2)
            looks = server.looks
            await sockets.server.emit(
                "media:progress", {"jobId": str(job_id), "mediaId": state["mediaId"], "progress": 80}
            )
            moved = await asyncio.wait_for(nexts.get(), 4)
            assert server.looks == looks
            state.update(status="completed", progress=100)
            await sockets.server.emit("media:ready", {"mediaId": state["mediaId"], "urls": {}})
            final = await asyncio.wait_for(nexts.get(), 4)
            await following
    assert (first.progress, moved.progress, final.status) == (10, 80, "completed")


async def _drain(changes: AsyncIterator[Job], into: asyncio.Queue[Job]) -> None:
    async for job in changes:
        into.put_nowait(job)


class Sockets:
    """A Socket.IO server that remembers the tokens it was shown."""

    def __init__(self) -> None:
        self.server = socketio.AsyncServer(async_mode="asgi")
        self.tokens: list[str] = []
        self.server.on("connect", self._connect)

    async def _connect(self, _sid: str, _environment: object, auth: dict[str, str]) -> None:
        self.tokens.append(auth["token"])


@asynccontextmanager
async def notifier() -> AsyncIterator[tuple[str, Sockets]]:
    """Run a Socket.IO server on a port of its own."""
    sockets = Sockets()
    port = free_port()
    app = socketio.ASGIApp(sockets.server)
    running = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning", lifespan="off"))
    serving = asyncio.create_task(running.serve())
    await eventually(lambda: running.started)
    yield f"http://127.0.0.1:{port}", sockets
    running.should_exit = True
    await serving


class ScriptedHints:
    """Gives hints in a fixed order, then none."""

    connected = True

    def __init__(self, *hints: Hint) -> None:
        self._hints = list(hints)

    async def next(self, seconds: float) -> Hint | None:  # noqa: ARG002 - the script does not wait
        """Return the next hint of the script at once."""
        return self._hints.pop(0) if self._hints else None


async def test_hint_for_a_finished_or_foreign_job_changes_nothing() -> None:
    """Late progress revives no failed job, and hints of other jobs do not end the watch."""
    failed = Job(job_id=UUID(int=1), media_id=UUID(int=2), status="failed", progress=10)
    running = Job(job_id=UUID(int=3), media_id=UUID(int=4), status="active")
    answers = {failed.job_id: [failed], running.job_id: [running, running, running]}
    answers[running.job_id][-1] = running.model_copy(update={"status": "completed", "progress": 100})

    async def fetch(job_id: UUID) -> Job:
        known = answers[job_id]
        return known.pop(0) if len(known) > 1 else known[0]

    foreign = Hint(UUID(int=5), UUID(int=6), progress=50)
    hints = ScriptedHints(Hint(failed.job_id, failed.media_id, progress=50), foreign)
    watcher = Watcher([failed.job_id, running.job_id], fetch, hints)
    seen = [(job.job_id, job.status) async for job in watcher.changes()]
    assert seen == [(failed.job_id, "failed"), (running.job_id, "active"), (running.job_id, "completed")]
