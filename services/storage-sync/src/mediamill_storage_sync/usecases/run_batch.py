"""Carries out one run of one batch and reports what became of every medium in it.

Safe to run again at any point: what is there with the right bytes is not copied a second time, what is gone
is not missed, and the report has the same id.
"""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from mediamill_contracts.recipe import Store
from mediamill_contracts.sync import (
    MAX_FILES,
    RequestSync,
    SyncCompleted,
    SyncFailure,
    SyncOperation,
    SyncStatus,
)
from mediamill_messaging.transport import Publisher
from mediamill_storage.stores import Stores
from mediamill_storage_sync import metrics
from mediamill_storage_sync.cancellations import Cancellations
from mediamill_storage_sync.failures import Failure, LastCopyError
from mediamill_storage_sync.progress import Tally, announced
from mediamill_storage_sync.rounds import BatchFile, Outcome, Rounds, Work
from mediamill_storage_sync.transfer import copy_object, holds

_COPIES: dict[SyncOperation, tuple[Store, Store]] = {
    "upload_to_s3": ("local", "s3"),
    "download_from_s3": ("s3", "local"),
}
"""Source and target of each copying operation."""
_REMOVALS: dict[SyncOperation, tuple[Store, Store]] = {
    "delete_local": ("local", "s3"),
    "delete_s3": ("s3", "local"),
}
"""Where each operation removes from, and the store that must have everything then."""


@dataclass(frozen=True)
class Transfers:
    """What a run needs."""

    stores: Stores
    publisher: Publisher
    rounds: Rounds
    cancellations: Cancellations


async def run_batch(request: RequestSync, transfers: Transfers, *, again: bool = False) -> SyncCompleted:
    """Return the report to publish; what goes wrong with files is in it, nothing of that is raised.

    `again` says that the same request was in hand before, so that part of its copies may be there.
    """
    with transfers.cancellations.watch(request.sync_job_id, request.run) as stop:
        async with announced(request, transfers.publisher) as tally:
            run = _Run(request, transfers, stop, tally, again=again or request.run > 0)
            outcome = await run.carry_out()
    return _report(request, outcome, cancelled=stop.is_set())


class _Run:
    """One run while it lasts."""

    def __init__(
        self, request: RequestSync, transfers: Transfers, stop: asyncio.Event, tally: Tally, *, again: bool
    ) -> None:
        self._request = request
        self._transfers = transfers
        self._stop = stop
        self._tally = tally
        self._looked_at = {item.media_id for item in request.items if again or item.claimed}
        """Media whose copies may be there: to ask S3 about each object costs more than to send it."""
        self._sent = set[BatchFile]()
        self._files = [BatchFile(item.media_id, ref) for item in request.items for ref in item.objects]

    async def carry_out(self) -> Outcome:
        """Work off all files of the run."""
        operation = self._request.operation
        if operation in _COPIES:
            return await self._work_off(self._files, self._copy)
        if operation in _REMOVALS:
            return await self._remove_with_care()
        return await self._work_off(self._files, self._remove_everywhere)

    async def _remove_with_care(self) -> Outcome:
        """Remove only what the other store has: of a medium all objects, or none."""
        checks = await self._transfers.rounds.work_off(
            self._files, self._require_elsewhere, self._stop, lambda _file, _failure: None
        )
        unsafe = {file.media_id: failure for file, failure in checks.failed.items()}
        kept = {file: unsafe[file.media_id] for file in self._files if file.media_id in unsafe}
        for file, failure in kept.items():
            self._count(file, failure)
        checked = set(checks.done)
        safe = [file for file in self._files if file in checked and file.media_id not in unsafe]
        outcome = await self._work_off(safe, self._remove)
        return Outcome(outcome.done, kept | outcome.failed)

    async def _work_off(self, files: list[BatchFile], work: Work) -> Outcome:
        return await self._transfers.rounds.work_off(files, work, self._stop, self._count)

    async def _copy(self, file: BatchFile) -> None:
        source, target = _COPIES[self._request.operation]
        target_store = self._transfers.stores.of(target, self._request.s3)
        may_be_there = file.media_id in self._looked_at or file in self._sent or target == "local"
        if may_be_there and await holds(target_store, file.ref):
            self._note(file, "present")
            return
        self._sent.add(file)
        source_store = self._transfers.stores.of(source, self._request.s3)
        await copy_object(file.ref, source_store, target_store)
        self._note(file, "copied")

    async def _require_elsewhere(self, file: BatchFile) -> None:
        _, keeper = _REMOVALS[self._request.operation]
        if not await holds(self._transfers.stores.of(keeper, self._request.s3), file.ref):
            raise LastCopyError(file.ref.key)

    async def _remove(self, file: BatchFile) -> None:
        store, _ = _REMOVALS[self._request.operation]
        await self._transfers.stores.of(store, self._request.s3).delete(file.ref.key)
        self._note(file, "removed")

    async def _remove_everywhere(self, file: BatchFile) -> None:
        """Remove here, and in S3 too where the request names it."""
        await self._transfers.stores.of("local", None).delete(file.ref.key)
        if file.ref.store == "s3":
            await self._transfers.stores.of("s3", self._request.s3).delete(file.ref.key)
        self._note(file, "removed")

    def _note(self, file: BatchFile, how: str) -> None:
        metrics.FILES.labels(self._request.operation, how).inc()
        if how == "copied":
            metrics.BYTES.labels(self._request.operation).inc(file.ref.size_bytes)

    def _count(self, file: BatchFile, failure: Failure | None) -> None:
        if failure is None:
            self._tally.processed += 1
            self._tally.bytes += file.ref.size_bytes
        else:
            self._tally.failed += 1
            metrics.FILES.labels(self._request.operation, "failed").inc()


def _report(request: RequestSync, outcome: Outcome, *, cancelled: bool) -> SyncCompleted:
    ended = set(outcome.done)
    done = tuple(
        item.media_id
        for item in request.items
        if all(BatchFile(item.media_id, ref) in ended for ref in item.objects)
    )
    return SyncCompleted.of(
        request,
        status=_status(request, outcome, done, cancelled=cancelled),
        processed_files=len(outcome.done),
        processed_bytes=sum(file.ref.size_bytes for file in outcome.done),
        done=done,
        failures=_failures(outcome),
    )


def _status(request: RequestSync, outcome: Outcome, done: Collection[UUID], *, cancelled: bool) -> SyncStatus:
    if len(done) == len(request.items):
        return "completed"
    if cancelled:
        return "cancelled"
    return "partial_failed" if outcome.done else "failed"


def _failures(outcome: Outcome) -> tuple[SyncFailure, ...]:
    """Return one failure of each medium first, then more of them, up to what a message holds."""
    first = list({file.media_id: file for file in reversed(outcome.failed)}.values())
    shown = dict.fromkeys([*reversed(first), *outcome.failed])
    return tuple(
        SyncFailure(media_id=file.media_id, key=file.ref.key, code=failure.code, detail=failure.detail)
        for file, failure in ((file, outcome.failed[file]) for file in list(shown)[:MAX_FILES])
    )
