"""Runs against a real folder and a real S3 server, with a proxy between them that fails on demand."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from mediamill_contracts import Message
from mediamill_contracts.ids import new_id
from mediamill_contracts.recipe import ObjectRef, Store
from mediamill_contracts.storage import S3Location
from mediamill_contracts.sync import (
    RequestPurge,
    RequestSync,
    SyncCancelled,
    SyncCompleted,
    SyncItem,
    SyncOperation,
    SyncProgressed,
    SyncRun,
)
from mediamill_messaging.errors import PermanentError
from mediamill_storage.local import LocalObjectStore
from mediamill_storage.s3 import S3Credentials, S3Http, S3Stores
from mediamill_storage.s3.access_policy import access_policy
from mediamill_storage.stores import Stores
from mediamill_storage_sync.cancellations import Cancellations
from mediamill_storage_sync.failures import MAX_DETAIL
from mediamill_storage_sync.rounds import Rounds, pauses
from mediamill_storage_sync.turns import Turns
from mediamill_storage_sync.usecases.purge_objects import purge_objects
from mediamill_storage_sync.usecases.run_batch import Transfers, run_batch
from mediamill_testing.fault_proxy import FaultProxy
from mediamill_testing.s3_permissions import not_granted
from mediamill_testing.servers.s3 import S3Server
from mediamill_testing.waiting import eventually


@dataclass
class Listener:
    """A publisher that keeps what it was given."""

    announced: list[Message] = field(default_factory=list)

    async def publish(self, message: Message) -> None:
        """Nothing that is tested here publishes."""
        raise AssertionError(message)

    async def announce(self, message: Message) -> None:
        """Keep the news."""
        self.announced.append(message)


@dataclass
class Bench:
    """Local storage, a bucket behind a proxy, and a worker between them."""

    local: LocalObjectStore
    bucket: S3Location
    proxy: FaultProxy
    s3: S3Stores
    listener: Listener
    transfers: Transfers

    async def add(self, store: Store, count: int = 1, size: int = 5_000) -> list[SyncItem]:
        """Store media of two objects each."""
        return [await self._medium(store, size) for _ in range(count)]

    async def _medium(self, store: Store, size: int) -> SyncItem:
        media_id = new_id()
        refs = [await self.put(store, f"permanent/{media_id}{end}", size) for end in (".jpg", "_thumb.webp")]
        return SyncItem(media_id=media_id, objects=tuple(refs))

    async def put(self, store: Store, key: str, size: int, content: bytes | None = None) -> ObjectRef:
        """Store an object of random bytes."""
        content = content or os.urandom(size)
        await self.of(store).put_stream(key, _chunks(content), media_type="image/jpeg")
        return ObjectRef(
            store=store,
            key=key,
            size_bytes=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
            media_type="image/jpeg",
        )

    def of(self, store: Store) -> Any:
        """Return a store by its name."""
        return Stores(self.local, self.s3).of(store, self.bucket)

    async def run(
        self, operation: SyncOperation, items: list[SyncItem], *, again: bool = False, **more: Any
    ) -> SyncCompleted:
        """Carry out one run."""
        return await run_batch(request_of(operation, items, self.bucket, **more), self.transfers, again=again)

    async def holds(self, store: Store, items: list[SyncItem]) -> list[bool]:
        """Tell for each object whether the store has its bytes."""
        found = []
        for ref in (ref for item in items for ref in item.objects):
            if await self.of(store).stat(ref.key) is None:
                found.append(False)
                continue
            content = b"".join([chunk async for chunk in self.of(store).read(ref.key)])
            found.append(hashlib.sha256(content).hexdigest() == ref.sha256)
        return found


def request_of(
    operation: SyncOperation, items: list[SyncItem], bucket: S3Location | None, **more: Any
) -> RequestSync:
    """Return a request for a run."""
    return RequestSync(
        sync_job_id=new_id(),
        requested_at=datetime.now(UTC),
        operation=operation,
        items=tuple(items),
        s3=bucket,
        requested_by="root",
        **more,
    )


async def _chunks(content: bytes) -> AsyncIterator[bytes]:
    yield content


@pytest.fixture
def proxy(s3_server: S3Server) -> Iterator[FaultProxy]:
    """Give a proxy before the S3 server."""
    with FaultProxy(s3_server.url) as proxy:
        yield proxy


@pytest.fixture
async def bench(
    tmp_path: Path, proxy: FaultProxy, s3_location: S3Location, s3_credentials: S3Credentials
) -> AsyncIterator[Bench]:
    """Give a worker that waits for a store for two seconds."""
    local = LocalObjectStore(tmp_path / "objects", fsync=False)
    http = S3Http(connections=8, attempts=1, read_seconds=2, request_seconds=4)
    s3 = S3Stores(s3_credentials, endpoint=proxy.url, http=http)
    listener = Listener()
    rounds = Rounds(Turns(8), parallel=8, patience_seconds=2)
    transfers = Transfers(Stores(local, s3), listener, rounds, Cancellations())
    bucket = s3_location.model_copy(update={"endpoint": proxy.url})
    yield Bench(local, bucket, proxy, s3, listener, transfers)
    await s3.close()
    await local.close()


@pytest.mark.parametrize(
    ("operation", "source", "target"),
    [("upload_to_s3", "local", "s3"), ("download_from_s3", "s3", "local")],
)
async def test_copies_arrive_with_the_same_bytes(
    bench: Bench, operation: SyncOperation, source: Store, target: Store
) -> None:
    """Every object is at its target afterwards, the source is untouched, and the counts are of files."""
    items = await bench.add(source, count=5)
    report = await bench.run(operation, items)
    assert (report.status, report.processed_files, report.failures) == ("completed", 10, ())
    assert report.done == tuple(item.media_id for item in items)
    assert report.processed_bytes == 10 * 5_000
    assert all(await bench.holds(target, items))
    assert all(await bench.holds(source, items))


@pytest.mark.parametrize("sign", ["delivered again", "run again", "claimed"])
async def test_what_is_there_is_not_copied_again(bench: Bench, sign: str) -> None:
    """Where copies may be there, a run sends no body, and one after a loss sends only what is missing."""
    items = await bench.add("local", count=4)
    await bench.run("upload_to_s3", items)
    signs: dict[str, Any] = {"again": sign == "delivered again", "run": int(sign == "run again")}
    items = [item.model_copy(update={"claimed": sign == "claimed"}) for item in items]
    bench.proxy.requests.clear()
    assert (await bench.run("upload_to_s3", items, **signs)).status == "completed"
    assert [line for line in bench.proxy.requests if line.startswith("PUT")] == []
    await bench.of("s3").delete(items[2].objects[1].key)
    bench.proxy.requests.clear()
    assert (await bench.run("upload_to_s3", items, **signs)).status == "completed"
    assert len([line for line in bench.proxy.requests if line.startswith("PUT")]) == 1
    assert all(await bench.holds("s3", items))


async def test_other_bytes_of_the_same_size_are_replaced(bench: Bench) -> None:
    """The size alone proves nothing: the hash decides."""
    (item,) = await bench.add("local")
    await bench.put("s3", item.objects[0].key, 5_000)
    assert (await bench.run("upload_to_s3", [item], again=True)).status == "completed"
    assert all(await bench.holds("s3", [item]))


async def test_one_bad_file_stops_nobody(bench: Bench) -> None:
    """A missing source and a damaged one fail with their codes; everything else arrives."""
    items = await bench.add("local", count=6)
    await bench.local.delete(items[1].objects[0].key)
    await bench.put("local", items[4].objects[1].key, 5_000)
    report = await bench.run("upload_to_s3", items)
    assert (report.status, report.processed_files) == ("partial_failed", 10)
    assert {failure.media_id: failure.code for failure in report.failures} == {
        items[1].media_id: "source_missing",
        items[4].media_id: "checksum_mismatch",
    }
    good = [items[0], items[2], items[3], items[5]]
    assert report.done == tuple(item.media_id for item in good)
    assert all(await bench.holds("s3", good))
    assert await bench.of("s3").stat(items[4].objects[1].key) is None


async def test_failures_that_pass_are_waited_out(bench: Bench) -> None:
    """A server that answers 500 for a while costs time, not files."""
    items = await bench.add("local", count=6)
    bench.proxy.answer(500, times=20)
    report = await bench.run("upload_to_s3", items)
    assert (report.status, report.processed_files) == ("completed", 12)
    assert all(await bench.holds("s3", items))


async def test_a_store_that_stays_away_ends_the_run(bench: Bench) -> None:
    """Patience has an end: every file is reported as failed for the store's sake, and can be retried."""
    items = await bench.add("local", count=3)
    bench.proxy.go_away()
    report = await bench.run("upload_to_s3", items)
    assert (report.status, report.processed_files) == ("failed", 0)
    assert {failure.code for failure in report.failures} == {"store_unavailable"}
    assert {failure.media_id for failure in report.failures} == {item.media_id for item in items}
    bench.proxy.come_back()
    assert (await bench.run("upload_to_s3", items)).status == "completed"


async def test_refusals_are_not_repeated(bench: Bench) -> None:
    """Wrong keys do not become right by waiting: the run ends at once and says what it is."""
    items = await bench.add("local", count=1)
    bench.proxy.answer(403)
    started = asyncio.get_running_loop().time()
    report = await bench.run("upload_to_s3", items)
    assert asyncio.get_running_loop().time() - started < 2
    assert {failure.code for failure in report.failures} == {"s3_refused"}


async def test_nothing_is_removed_that_the_other_store_lacks(bench: Bench) -> None:
    """A medium keeps all its local objects when S3 lacks one of them; others are removed."""
    items = await bench.add("local", count=3)
    await bench.run("upload_to_s3", items)
    await bench.of("s3").delete(items[1].objects[1].key)
    report = await bench.run("delete_local", items)
    assert report.status == "partial_failed"
    assert {(failure.media_id, failure.code) for failure in report.failures} == {
        (items[1].media_id, "last_copy")
    }
    assert await bench.holds("local", items) == [False, False, True, True, False, False]


async def test_removal_can_be_repeated(bench: Bench) -> None:
    """What is gone already is not missed, in either store."""
    items = await bench.add("local", count=2)
    await bench.run("upload_to_s3", items)
    for _ in range(2):
        assert (await bench.run("delete_s3", items)).status == "completed"
    assert not any(await bench.holds("s3", items))
    assert all(await bench.holds("local", items))


async def test_deletion_for_good_reaches_the_stores_it_names(bench: Bench) -> None:
    """Objects named in S3 go from both stores, those named locally stay in S3."""
    items = await bench.add("local", count=2)
    await bench.run("upload_to_s3", items)
    everywhere = SyncItem(
        media_id=items[0].media_id,
        objects=tuple(ref.model_copy(update={"store": "s3"}) for ref in items[0].objects),
    )
    report = await bench.run("hard_delete", [everywhere, items[1]])
    assert (report.status, report.processed_files) == ("completed", 4)
    assert not any(await bench.holds("local", items))
    assert await bench.holds("s3", items) == [False, False, True, True]


async def test_a_cancelled_run_stops_and_tells_what_it_did(bench: Bench) -> None:
    """Cancelling takes effect amid a transfer; a run cancelled before it came does nothing."""
    items = await bench.add("local", count=40)
    bench.proxy.slow_down(delay_seconds=0.3)
    request = request_of("upload_to_s3", items, bench.bucket)
    running = asyncio.create_task(run_batch(request, bench.transfers))
    await eventually(lambda: any(isinstance(news, SyncProgressed) for news in bench.listener.announced))
    order = SyncCancelled(runs=(SyncRun(sync_job_id=request.sync_job_id, run=0),))
    bench.transfers.cancellations.note(order)
    report = await asyncio.wait_for(running, 10)
    assert report.status == "cancelled"
    assert len(report.done) < 40
    bench.proxy.slow_down()
    reached = [item for item in items if item.media_id in report.done]
    assert all(await bench.holds("s3", reached))
    late = await run_batch(request, bench.transfers)
    assert (late.status, late.processed_files, late.failures) == ("cancelled", 0, ())
    again = await run_batch(request.model_copy(update={"run": 1}), bench.transfers)
    assert again.status == "completed"


async def test_progress_is_told_a_few_times_a_second(bench: Bench) -> None:
    """Listeners hear counts that grow, and no more often than they can take in."""
    items = await bench.add("local", count=12)
    bench.proxy.slow_down(delay_seconds=0.2)
    started = asyncio.get_running_loop().time()
    await bench.run("upload_to_s3", items)
    elapsed = asyncio.get_running_loop().time() - started
    counts = [news.processed_files for news in bench.listener.announced if isinstance(news, SyncProgressed)]
    assert counts == sorted(counts)
    assert 1 <= len(counts) <= elapsed * 2


async def test_runs_share_one_limit(bench: Bench) -> None:
    """However many batches are in hand, the process moves no more files at once than it may."""
    batches = [await bench.add("local", count=6) for _ in range(3)]
    most = now = 0
    stat = bench.of("s3").stat

    async def counting(key: str) -> Any:
        nonlocal most, now
        now += 1
        most = max(most, now)
        try:
            return await stat(key)
        finally:
            now -= 1

    bench.of("s3").stat = counting
    reports = await asyncio.gather(*(bench.run("upload_to_s3", items, again=True) for items in batches))
    assert {report.status for report in reports} == {"completed"}
    assert 1 < most <= 8


async def test_the_report_on_a_full_batch_fits_a_message(bench: Bench) -> None:
    """Two hundred failures with long keys and long reasons stay below the limit of a message."""
    sha256 = "a" * 64
    items = [
        SyncItem(
            media_id=UUID(int=number),
            objects=(
                ObjectRef(
                    key=f"permanent/{number:03}" + "x" * 490,
                    size_bytes=1,
                    sha256=sha256,
                    media_type="image/jpeg",
                ),
            ),
        )
        for number in range(200)
    ]
    report = await bench.run("upload_to_s3", items)
    assert (report.status, len(report.failures)) == ("failed", 200)
    assert max(len(failure.detail) for failure in report.failures) <= MAX_DETAIL
    assert len(report.model_dump_json()) < 256 * 1024


async def test_without_credentials_every_file_says_so(bench: Bench) -> None:
    """A worker that has no keys for S3 names the reason instead of trying again and again."""
    items = await bench.add("local")
    transfers = Transfers(
        Stores(bench.local), bench.listener, bench.transfers.rounds, bench.transfers.cancellations
    )
    report = await run_batch(request_of("upload_to_s3", items, bench.bucket), transfers)
    assert {failure.code for failure in report.failures} == {"s3_not_configured"}


async def test_purging_removes_everywhere_and_can_be_repeated(bench: Bench) -> None:
    """A purge leaves nothing in the stores it names; only a final one is answered."""
    (item,) = await bench.add("local")
    await bench.run("upload_to_s3", [item])
    keys = tuple(ref.key for ref in item.objects)
    purge = RequestPurge(
        media_id=item.media_id, user_id="anna", keys=keys, stores=("local",), final=False, requested_by="root"
    )
    turns = Turns(2)
    assert await purge_objects(purge, bench.transfers.stores, turns) is None
    assert await bench.holds("local", [item]) == [False, False]
    final = purge.model_copy(update={"stores": ("local", "s3"), "final": True, "s3": bench.bucket})
    for _ in range(2):
        gone = await purge_objects(final, bench.transfers.stores, turns)
        assert gone is not None
        assert (gone.media_id, gone.removed_keys) == (item.media_id, keys)
    assert await bench.holds("s3", [item]) == [False, False]
    with pytest.raises(PermanentError, match="s3_not_configured"):
        await purge_objects(final, Stores(bench.local), turns)


def test_pauses_grow_and_add_up_to_the_patience() -> None:
    """Waiting gets longer each time, never longer than half a minute, and ends."""
    assert pauses(0) == []
    assert pauses(75) == [1.0, 2.5, 6.25, 15.625, 30.0, 19.625]


async def test_the_worker_asks_for_no_more_than_its_keys_may(bench: Bench) -> None:
    """Every operation, with objects in one piece and in parts, gets along with the policy of its role."""
    items = [*await bench.add("local", count=2), *await bench.add("local", size=9_000_000)]
    operations: tuple[SyncOperation, ...] = (
        "upload_to_s3",
        "delete_local",
        "download_from_s3",
        "delete_s3",
        "upload_to_s3",
    )
    for operation in operations:
        assert (await bench.run(operation, items, again=True)).status == "completed"
    everywhere = [
        item.model_copy(
            update={"objects": tuple(ref.model_copy(update={"store": "s3"}) for ref in item.objects)}
        )
        for item in items
    ]
    assert (await bench.run("hard_delete", everywhere)).status == "completed"
    purge = RequestPurge(
        media_id=new_id(),
        user_id="anna",
        keys=("temp/anna/a.jpg", "failed/a.quarantine", "permanent/a.jpg"),
        stores=("local", "s3"),
        s3=bench.bucket,
        requested_by="root",
    )
    await purge_objects(purge, bench.transfers.stores, bench.transfers.rounds.turns)
    policy = access_policy(bench.bucket, "storage-sync")
    assert not_granted(bench.proxy.requests, bench.bucket.bucket, policy) == set()
    assert not_granted(bench.proxy.requests, bench.bucket.bucket, access_policy(bench.bucket, "console"))
