"""S3 fails in every way amid transfers, and the worker is killed: counts stay exact, claims true."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from uuid import UUID

import pytest

from mediamill_catalog.tables import StorageStatus, SyncStatus
from mediamill_contracts.recipe import Store
from mediamill_testing.fault_proxy import FaultProxy
from mediamill_testing.servers.postgres import PostgresServer
from mediamill_testing.servers.rabbitmq import RabbitServer
from mediamill_testing.servers.s3 import S3Server
from mediamill_testing.transfers import OPEN, Operator, TransferSystem, transfer_system
from mediamill_testing.waiting import eventually

COUNT = 60
FILES = 2 * COUNT
FEW = 30
SIZE = 40_000
IN_TRANSFER = 20
"""Files that the worker moves at once: so many may be sent again after each kill."""
STORES: tuple[Store, ...] = ("local", "s3")
OUTAGE_SECONDS = 2.0
"""Longer than the client's own attempts, shorter than the worker's patience of 5 s."""
ENDS = (SyncStatus.COMPLETED, SyncStatus.PARTIAL_FAILED, SyncStatus.FAILED)


@pytest.fixture(scope="module")
def proxy(s3_server: S3Server) -> Iterator[FaultProxy]:
    """Give a proxy before the S3 server."""
    with FaultProxy(s3_server.url) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def transfers(
    rabbitmq: RabbitServer, migrated_postgres: PostgresServer, s3_server: S3Server, proxy: FaultProxy
) -> Iterator[TransferSystem]:
    """Run ingest and storage-sync, which sees S3 through the proxy."""
    with transfer_system(rabbitmq, migrated_postgres, s3_server, s3_url=proxy.url) as system:
        yield system


@pytest.fixture
async def operator(
    transfers: TransferSystem, s3_server: S3Server, proxy: FaultProxy
) -> AsyncIterator[Operator]:
    """Give an operator whose own view of S3 does not pass the proxy; leave everything whole and empty."""
    operator = Operator(transfers, s3_server.url)
    yield operator
    proxy.heal()
    proxy.come_back()
    proxy.requests.clear()
    for name in STORES:
        for key in await operator.keys_in(name):
            await operator.store(name).delete(key)
    await operator.close()


def _answers_500(proxy: FaultProxy) -> None:
    proxy.answer(500, times=75)


def _cuts_bodies(proxy: FaultProxy) -> None:
    proxy.cut_requests(10_000, times=30, matching="PUT")
    proxy.cut_answers(300, times=30)


def _is_slow(proxy: FaultProxy) -> None:
    proxy.slow_down(bytes_per_second=200_000, delay_seconds=0.2)


def _is_away(proxy: FaultProxy) -> None:
    proxy.go_away()


FAULTS: list[Callable[[FaultProxy], None]] = [_answers_500, _cuts_bodies, _is_slow, _is_away]


@pytest.mark.parametrize("break_s3", FAULTS, ids=lambda fault: fault.__name__.strip("_"))
async def test_faults_of_s3_lose_nothing(
    operator: Operator, proxy: FaultProxy, break_s3: Callable[[FaultProxy], None]
) -> None:
    """The job ends one way or the other with exact counts, a retry finishes it, and claims are true."""
    ids = await operator.add_media(FEW, size=SIZE)
    break_s3(proxy)
    job_id = await operator.ask("upload_to_s3", ids, delete_source=True)
    details = await operator.end_of(job_id)
    job = details.job
    assert job.status in ENDS
    assert job.processed_files + job.failed_files == 2 * FEW
    assert (job.status is SyncStatus.COMPLETED) == (job.failed_files == 0)
    assert await operator.missing(ids) == []

    proxy.heal()
    proxy.come_back()
    if job.status is not SyncStatus.COMPLETED:
        await operator.retry(job_id)
        job = (await operator.end_of(job_id)).job
    assert (job.status, job.processed_files, job.failed_files) == (SyncStatus.COMPLETED, 2 * FEW, 0)
    assert await operator.statuses(ids) == {StorageStatus.S3}
    assert await operator.missing(ids) == []
    assert await operator.keys_in("local") == set()


async def test_an_outage_is_waited_out(operator: Operator, proxy: FaultProxy) -> None:
    """S3 goes away amid the batches and comes back: the job completes, and nobody has to ask for it again."""
    ids = await operator.add_media(COUNT, size=SIZE)
    proxy.slow_down(delay_seconds=0.3)
    job_id = await operator.ask("upload_to_s3", ids, delete_source=True)
    await eventually(partial(_has_objects, operator, FILES // 6))
    proxy.go_away()
    proxy.heal()
    await asyncio.sleep(OUTAGE_SECONDS)  # this is the fault
    assert await operator.status(job_id) in OPEN
    proxy.come_back()
    job = (await operator.end_of(job_id)).job
    assert (job.status, job.processed_files, job.failed_files) == (SyncStatus.COMPLETED, FILES, 0)
    assert await operator.statuses(ids) == {StorageStatus.S3}
    assert await operator.missing(ids) == []


async def test_a_killed_worker_copies_only_what_is_missing(
    transfers: TransferSystem, operator: Operator, proxy: FaultProxy
) -> None:
    """SIGKILL amid a batch, twice: every file is counted once, and nothing is sent again in vain."""
    ids = await operator.add_media(COUNT, size=SIZE)
    proxy.slow_down(delay_seconds=0.3)
    job_id = await operator.ask("upload_to_s3", ids)
    for part in (FILES // 6, FILES // 3):
        await eventually(partial(_has_objects, operator, part))
        await asyncio.to_thread(transfers.storage_sync.kill)
        await asyncio.to_thread(transfers.storage_sync.start)
    proxy.slow_down()
    await _is_whole(operator, job_id, ids)
    assert _sent(proxy) <= FILES + 2 * IN_TRANSFER


async def test_a_stopped_worker_ends_what_it_began(
    transfers: TransferSystem, operator: Operator, proxy: FaultProxy
) -> None:
    """SIGTERM amid a batch: what is in hand ends and is reported, the rest is the next one's, none twice."""
    ids = await operator.add_media(COUNT, size=SIZE)
    proxy.slow_down(delay_seconds=0.3)
    job_id = await operator.ask("upload_to_s3", ids)
    await eventually(partial(_has_objects, operator, FILES // 6))
    await asyncio.to_thread(transfers.storage_sync.stop)
    proxy.slow_down()
    await asyncio.to_thread(transfers.storage_sync.start)
    await _is_whole(operator, job_id, ids)
    assert _sent(proxy) == FILES


async def _is_whole(operator: Operator, job_id: UUID, ids: list[UUID]) -> None:
    job = (await operator.end_of(job_id)).job
    assert (job.status, job.processed_files, job.failed_files) == (SyncStatus.COMPLETED, FILES, 0)
    assert job.processed_bytes == COUNT * (SIZE + 200)
    assert await operator.missing(ids) == []


def _sent(proxy: FaultProxy) -> int:
    return sum(line.startswith("PUT") for line in proxy.requests)


async def _has_objects(operator: Operator, count: int) -> bool:
    return len(await operator.keys_in("s3")) >= count
