"""Real children that are killed, starved and stopped: one job pays, or none, and never the neighbours."""

import asyncio
import io
import os
import signal
from pathlib import Path

import pytest
from PIL import Image

from mediamill_contracts.media import MediaAccepted
from mediamill_contracts.recipe import Recipe, VariantSpec
from mediamill_processor.pipeline.verdicts import UnacceptableFileError
from mediamill_processor.ports import Rendering
from mediamill_processor.sandbox.answers import RenderingFailedError
from mediamill_processor.sandbox.pool import SandboxPool
from mediamill_storage.local import LocalObjectStore
from mediamill_testing.photos import PhotoCorpus
from mediamill_testing.waiting import eventually

from .conftest import StartPool, Submit, files_below, store_root

SLOW_RECIPE = Recipe(
    variants=tuple(VariantSpec(name=f"slow_{n}", width=3000, height=3000, effort=6) for n in range(6))
)


@pytest.fixture(scope="session")
def slow_jpeg() -> bytes:
    """Give noise, which keeps an encoder busy for many seconds."""
    buffer = io.BytesIO()
    Image.effect_noise((3000, 3000), 80).convert("RGB").save(buffer, "JPEG")
    return buffer.getvalue()


@pytest.fixture
def slow_job(submit: Submit, slow_jpeg: bytes) -> MediaAccepted:
    """Give a job that takes many seconds."""
    return submit(slow_jpeg, recipe=SLOW_RECIPE)


@pytest.fixture
def photo(photo_corpus: PhotoCorpus) -> bytes:
    """Give a small good picture."""
    return photo_corpus.photo("jpeg_baseline.jpg").path.read_bytes()


async def render(pool: SandboxPool, store: LocalObjectStore, job: MediaAccepted) -> Rendering:
    """Render a job and forget its files."""
    async with (
        store.local_copy(job.source.key) as source,
        pool.render(
            source, job.source.media_type, job.recipe, lane=job.lane, on_decoded=lambda: None
        ) as rendering,
    ):
        return rendering


def pids(pool: SandboxPool) -> list[int]:
    """Return the process ids of the children that run."""
    return [seat.child.pid for seat in pool._all if seat.child and seat.child.alive]


def proc(pid: int) -> Path:
    """Return where the kernel tells about a process; gone when the process is."""
    return Path("/proc") / str(pid)


async def working(pool: SandboxPool, *, not_: int | None = None) -> int:
    """Wait until a child, another than `not_`, has an order in hand, and return its process id."""

    def find() -> int | None:
        children = [seat.child for seat in pool._all if seat.child and seat.child.jobs]
        return next((child.pid for child in children if child.pid != not_), None)

    pid = await eventually(find, timeout=30)
    assert pid is not None
    return pid


async def test_a_child_killed_from_outside_costs_nothing(
    start_pool: StartPool, submit: Submit, store: LocalObjectStore, large_jpeg: bytes
) -> None:
    """The job is done by the next child, and its file is not blamed."""
    pool = await start_pool()
    rendering = asyncio.create_task(render(pool, store, submit(large_jpeg)))
    pid = await working(pool)
    os.kill(pid, signal.SIGKILL)
    assert (await rendering).facts.width == 6000
    assert pids(pool) != [pid]


async def test_an_interactive_job_is_done_beside_bulk_jobs(
    start_pool: StartPool, submit: Submit, store: LocalObjectStore, slow_job: MediaAccepted, photo: bytes
) -> None:
    """It waits for none of those that have all children: one more takes it, and yields to nobody."""
    pool = await start_pool(has_express=True, niceness=5)
    ordinary = pids(pool)
    bulk = [
        asyncio.create_task(render(pool, store, slow_job.model_copy(update={"lane": "bulk"})))
        for _ in range(2)
    ]
    await working(pool)
    express = await eventually(lambda: [pid for pid in pids(pool) if pid not in ordinary])
    assert (await render(pool, store, submit(photo))).facts.width == 640
    assert not any(job.done() for job in bulk)
    own = os.getpriority(os.PRIO_PROCESS, 0)
    assert [os.getpriority(os.PRIO_PROCESS, pid) for pid in (*ordinary, *express)] == [own + 5, own]
    assert {os.getsid(pid) for pid in (*ordinary, *express)} == {os.getsid(0)}
    assert os.getpgrp() not in {os.getpgid(pid) for pid in (*ordinary, *express)}
    for job in bulk:
        job.cancel()
    await asyncio.gather(*bulk, return_exceptions=True)


async def test_pictures_larger_than_the_budget_are_made_one_by_one(
    start_pool: StartPool, submit: Submit, store: LocalObjectStore, photo: bytes
) -> None:
    """Children that wait for memory hold none, so that each gets its turn."""
    pool = await start_pool(children=2, pixels_at_once=1000)
    async with asyncio.timeout(60):
        results = await asyncio.gather(*(render(pool, store, submit(photo)) for _ in range(4)))
    assert [result.facts.width for result in results] == [640] * 4


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT])
async def test_a_file_that_crashes_two_children_is_refused(
    number: signal.Signals, start_pool: StartPool, store: LocalObjectStore, slow_job: MediaAccepted
) -> None:
    """The second, fresh child has settled that it is the file's fault."""
    pool = await start_pool()
    rendering = asyncio.create_task(render(pool, store, slow_job))
    first = await working(pool)
    os.kill(first, number)
    os.kill(await working(pool, not_=first), number)
    with pytest.raises(UnacceptableFileError) as refusal:
        await rendering
    assert refusal.value.code == "decoder_crashed"


async def test_a_job_that_loses_two_children_to_outsiders_is_not_refused(
    start_pool: StartPool, store: LocalObjectStore, slow_job: MediaAccepted
) -> None:
    """It fails in a way that is tried again: nobody knows yet whether the file is good."""
    pool = await start_pool()
    rendering = asyncio.create_task(render(pool, store, slow_job))
    first = await working(pool)
    os.kill(first, signal.SIGKILL)
    second = await working(pool, not_=first)
    os.kill(second, signal.SIGKILL)
    with pytest.raises(RenderingFailedError):
        await rendering


async def test_a_child_that_hangs_is_ended(
    start_pool: StartPool, store: LocalObjectStore, slow_job: MediaAccepted
) -> None:
    """Two children that stop answering give the file a verdict, and both are gone."""
    pool = await start_pool(wall_seconds=1.5)
    rendering = asyncio.create_task(render(pool, store, slow_job))
    first = await working(pool)
    os.kill(first, signal.SIGSTOP)
    second = await working(pool, not_=first)
    os.kill(second, signal.SIGSTOP)
    with pytest.raises(UnacceptableFileError) as refusal:
        await rendering
    assert refusal.value.code == "timeout"
    assert not proc(first).exists()


async def test_a_picture_that_takes_too_much_memory_is_refused(
    start_pool: StartPool, submit: Submit, store: LocalObjectStore, large_jpeg: bytes, photo: bytes
) -> None:
    """The limit holds for the picture that exceeds it, and small ones are still made."""
    pool = await start_pool(memory_bytes=160_000_000)
    with pytest.raises(UnacceptableFileError) as refusal:
        await render(pool, store, submit(large_jpeg))
    assert refusal.value.code == "resource_limit"
    assert (await render(pool, store, submit(photo))).facts.width == 640


async def test_a_picture_that_takes_too_much_processor_time_is_refused(
    start_pool: StartPool, submit: Submit, store: LocalObjectStore, slow_job: MediaAccepted, photo: bytes
) -> None:
    """The limit counts for each job alone: the same child's earlier jobs do not eat into it."""
    pool = await start_pool(cpu_seconds=1)
    for _ in range(3):
        await render(pool, store, submit(photo))
    with pytest.raises(UnacceptableFileError) as refusal:
        await render(pool, store, slow_job)
    assert refusal.value.code == "resource_limit"


async def test_neighbours_do_not_notice_a_crash(
    start_pool: StartPool, submit: Submit, store: LocalObjectStore, slow_job: MediaAccepted, photo: bytes
) -> None:
    """Ten good pictures are made while another one's child dies, and no scratch file is left."""
    pool = await start_pool(children=2)
    bad = asyncio.create_task(render(pool, store, slow_job))
    first = await working(pool)
    neighbours = [asyncio.create_task(render(pool, store, submit(photo))) for _ in range(10)]
    os.kill(first, signal.SIGSEGV)
    results = await asyncio.gather(*neighbours)
    assert {result.facts.width for result in results} == {640}
    bad.cancel()
    await asyncio.gather(bad, return_exceptions=True)
    await pool.stop()
    assert not [name for name in files_below(store_root(store)) if name.startswith(".scratch")]


async def test_children_are_replaced_after_so_many_jobs(
    start_pool: StartPool, submit: Submit, store: LocalObjectStore, photo: bytes
) -> None:
    """A worn child makes room for a new one, and every job is done."""
    pool = await start_pool(jobs_per_child=2)
    before = pids(pool)
    for _ in range(5):
        await render(pool, store, submit(photo))
    assert pids(pool) != before


async def test_children_have_no_secrets_and_few_rights(
    start_pool: StartPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The parent's environment stays with the parent, and the kernel lists what was taken away."""
    monkeypatch.setenv("BROKER_URL", "amqp://user:secret@host")
    pool = await start_pool()
    (pid,) = pids(pool)
    assert b"secret" not in (proc(pid) / "environ").read_bytes()
    assert "NoNewPrivs:\t1" in (proc(pid) / "status").read_text()
    limits = (proc(pid) / "limits").read_text()
    assert f"Max data size             {2_048_000_000}" in limits
    assert "Max core file size        0" in limits


async def test_a_cancelled_job_takes_its_child_along(
    start_pool: StartPool, submit: Submit, store: LocalObjectStore, slow_job: MediaAccepted, photo: bytes
) -> None:
    """Work that nobody waits for any more ends at once, and the next job is done."""
    pool = await start_pool()
    rendering = asyncio.create_task(render(pool, store, slow_job))
    pid = await working(pool)
    rendering.cancel()
    await asyncio.gather(rendering, return_exceptions=True)
    assert not proc(pid).exists()
    assert (await render(pool, store, submit(photo))).facts.width == 640


async def test_a_stopped_pool_says_so(start_pool: StartPool) -> None:
    """The readiness check passes while children run, and fails afterwards."""
    pool = await start_pool()
    await pool.check()
    await pool.stop()
    with pytest.raises(RenderingFailedError):
        await pool.check()
