"""Each operation of a transfer through separate processes, both directions, on real servers."""

from collections.abc import AsyncIterator, Iterator
from uuid import UUID

import pytest
from sqlalchemy import text

from mediamill_catalog.tables import StorageStatus, SyncStatus
from mediamill_testing.fault_proxy import FaultProxy
from mediamill_testing.servers.postgres import PostgresServer
from mediamill_testing.servers.rabbitmq import RabbitServer
from mediamill_testing.servers.s3 import S3Server
from mediamill_testing.transfers import Operator, TransferSystem, transfer_system
from mediamill_testing.waiting import eventually

MANY = 210
"""Media of two files each: more than two batches hold."""
TWO_BATCHES = 110


@pytest.fixture(scope="module")
def proxy(s3_server: S3Server) -> Iterator[FaultProxy]:
    """Give a proxy before the S3 server, through which the services see it."""
    with FaultProxy(s3_server.url) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def transfers(
    rabbitmq: RabbitServer, migrated_postgres: PostgresServer, s3_server: S3Server, proxy: FaultProxy
) -> Iterator[TransferSystem]:
    """Run ingest and storage-sync as processes."""
    with transfer_system(rabbitmq, migrated_postgres, s3_server, s3_url=proxy.url) as system:
        yield system


@pytest.fixture
async def operator(
    transfers: TransferSystem, s3_server: S3Server, proxy: FaultProxy
) -> AsyncIterator[Operator]:
    """Give an operator's hands and eyes."""
    operator = Operator(transfers, s3_server.url)
    yield operator
    proxy.heal()
    await operator.close()


async def test_many_files_go_to_s3_and_come_back(operator: Operator) -> None:
    """Files in three batches: up with the source removed, down again, each whole, nothing left over."""
    ids = await operator.add_media(MANY)
    up = await operator.end_of(await operator.ask("upload_to_s3", ids, delete_source=True))
    assert (up.job.status, up.job.processed_files, up.job.failed_files) == (SyncStatus.COMPLETED, 2 * MANY, 0)
    assert [child.status for child in up.children] == [SyncStatus.COMPLETED] * 3
    assert up.job.processed_bytes == MANY * 2_200
    assert len(up.results) == 2 * MANY
    assert await operator.statuses(ids) == {StorageStatus.S3}
    assert await operator.keys_in("local") == set()
    assert await operator.missing(ids) == []

    down = await operator.end_of(await operator.ask("download_from_s3", ids))
    assert (down.job.status, down.job.processed_files) == (SyncStatus.COMPLETED, 2 * MANY)
    assert await operator.statuses(ids) == {StorageStatus.BOTH}
    assert await operator.missing(ids) == []

    gone = await operator.end_of(await operator.ask("delete_s3", ids))
    assert gone.job.status is SyncStatus.COMPLETED
    assert await operator.keys_in("s3") == set()
    assert await operator.statuses(ids) == {StorageStatus.LOCAL}
    assert await operator.missing(ids) == []


async def test_local_objects_go_only_while_s3_has_them(operator: Operator) -> None:
    """What S3 lost stays here and is claimed here again; the rest is removed."""
    ids = await operator.add_media(3)
    await operator.end_of(await operator.ask("upload_to_s3", ids))
    async with operator.database.read() as session:
        found = await session.execute(text("SELECT original_key FROM media WHERE id = :id"), {"id": ids[1]})
        await operator.store("s3").delete(found.scalar_one())
    ended = await operator.end_of(await operator.ask("delete_local", ids))
    assert ended.job.status is SyncStatus.PARTIAL_FAILED
    assert {result["code"] for result in ended.results} == {None, "last_copy"}
    assert await operator.statuses([ids[1]]) == {StorageStatus.LOCAL}
    assert await operator.statuses([ids[0], ids[2]]) == {StorageStatus.S3}
    assert await operator.missing(ids) == []


async def test_deletion_for_good_leaves_neither_bytes_nor_rows(operator: Operator) -> None:
    """Both stores are emptied of the media, then their rows go."""
    ids = await operator.add_media(5)
    before = await operator.keys_in("local") - await _keys_of(operator, ids)
    await operator.end_of(await operator.ask("upload_to_s3", ids))
    ended = await operator.end_of(await operator.ask("hard_delete", ids, delete_source=True))
    assert (ended.job.status, ended.job.processed_files) == (SyncStatus.COMPLETED, 10)
    assert await operator.keys_in("local") == before

    async def rows_are_gone() -> bool:
        return await operator.statuses(ids) == set()

    await eventually(rows_are_gone)


async def test_a_cancelled_job_stops_within_seconds(operator: Operator, proxy: FaultProxy) -> None:
    """The worker stops amid its batches, what it did is counted and claimed, and the rest can be retried."""
    ids = await operator.add_media(TWO_BATCHES)
    proxy.slow_down(delay_seconds=0.5)
    job_id = await operator.ask("upload_to_s3", ids)

    async def some_are_done() -> bool:
        return bool((await operator.job(job_id)).job.processed_files > 0)

    await eventually(some_are_done)
    await operator.cancel(job_id)
    asked = len(proxy.requests)

    async def all_reports_are_in() -> bool:
        nonlocal asked
        before, asked = asked, len(proxy.requests)
        return asked == before

    await eventually(all_reports_are_in, timeout=15)
    proxy.slow_down()
    details = await operator.job(job_id)
    assert details.job.status is SyncStatus.CANCELLED
    assert details.job.processed_files < 2 * TWO_BATCHES
    assert details.job.failed_files == 0
    assert await operator.missing(ids) == []
    await operator.retry(job_id)
    ended = await operator.end_of(job_id)
    assert (ended.job.status, ended.job.processed_files) == (SyncStatus.COMPLETED, 2 * TWO_BATCHES)
    assert await operator.statuses(ids) == {StorageStatus.BOTH}


async def _keys_of(operator: Operator, ids: list[UUID]) -> set[str]:
    statement = text(
        "SELECT original_key FROM media WHERE id = ANY(:ids)"
        " UNION SELECT key FROM variant WHERE media_id = ANY(:ids)"
    )
    async with operator.database.read() as session:
        return set((await session.execute(statement, {"ids": ids})).scalars())
