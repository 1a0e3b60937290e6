"""Transfers between local storage and S3, as superadmins ask for them: begun, watched, ended, sent again."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID, uuid4

from mediamill_client.http import HttpSession
from mediamill_client.models import Answer

Operation = Literal["upload_to_s3", "download_from_s3", "delete_s3", "delete_local", "hard_delete"]
TransferStatus = Literal["waiting", "active", "completed", "partial_failed", "failed", "cancelled"]
ENDED: frozenset[TransferStatus] = frozenset({"completed", "partial_failed", "failed", "cancelled"})
FIRST_PAUSE = 0.2
LONGEST_PAUSE = 2.0
"""Seconds between looks at a transfer; without batches and results each costs the server one short query."""

_PATH = "/api/admin/media/sync"


class Transfer(Answer):
    """A transfer, or one batch of it. Files are objects: originals and variants."""

    id: UUID
    operation: Operation
    status: TransferStatus
    delete_source: bool = False
    is_parent: bool = False
    parent_job_id: UUID | None = None
    total_files: int
    processed_files: int = 0
    failed_files: int = 0
    processed_bytes: int = 0
    requested_by: str
    created_at: datetime
    finished_at: datetime | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen, unless it is sent out again."""
        return self.status in ENDED

    @property
    def percent(self) -> float:
        """How many of its files have ended, one way or the other, in percent."""
        return 100 * (self.processed_files + self.failed_files) / max(1, self.total_files)


class TransferResult(Answer):
    """What became of one file; `key` is None where it stands for all files of the medium."""

    media_id: UUID
    key: str | None = None
    size_bytes: int
    status: Literal["done", "failed"]
    code: str | None = None
    detail: str | None = None


class TransferDetails(Transfer):
    """A transfer with its batches and the newest results of its files, at most 1,000."""

    child_jobs: tuple[Transfer, ...] = ()
    results: tuple[TransferResult, ...] = ()


class TransferPage(Answer):
    """One page of a list, newest first; `next_cursor` is None on the last."""

    items: tuple[Transfer, ...]
    next_cursor: str | None = None


class Transfers:
    """The transfers of one server; `MediamillClient.transfers` makes it. The caller must be a superadmin."""

    def __init__(self, http: HttpSession) -> None:
        self._http = http

    async def start(
        self,
        operation: Operation,
        media_ids: Sequence[UUID] = (),
        *,
        media_filter: dict[str, Any] | None = None,
        delete_source: bool | None = None,
    ) -> TransferDetails:
        """Ask for an operation on media named one by one, or by what they have in common.

        `media_filter` holds `userId`, `status`, `storageStatus`, `kind`, `entityType`, `entityId`, `deleted`.
        Raises RefusedError `nothing_to_sync`; ConflictError `s3_disabled`, `s3_not_configured`.
        """
        wish: dict[str, Any] = {"operation": operation}
        if media_ids:
            wish["mediaIds"] = [str(media_id) for media_id in media_ids]
        if media_filter is not None:
            wish["filter"] = media_filter
        if delete_source is not None:
            wish["deleteSource"] = delete_source
        return await self._http.call(TransferDetails, "POST", _PATH, json=wish, headers=_new_key())

    async def get(
        self, transfer_id: UUID, *, results: int | None = None, batches: bool = True
    ) -> TransferDetails:
        """Return a transfer or a batch, with so many of its newest results, and its batches if wanted."""
        query: dict[str, Any] = {} if results is None else {"results": results}
        if not batches:
            query["batches"] = "false"
        return await self._http.call(TransferDetails, "GET", f"{_PATH}/{transfer_id}", params=query)

    async def list(self, *, limit: int | None = None, cursor: str | None = None) -> TransferPage:
        """Return one page of all transfers, without their batches, newest first."""
        given = {"limit": limit, "cursor": cursor}
        query = {name: value for name, value in given.items() if value is not None}
        return await self._http.call(TransferPage, "GET", _PATH, params=query)

    async def cancel(self, transfer_id: UUID) -> TransferDetails:
        """End a transfer or a batch; what is done stays. Raises ConflictError `sync_ended`."""
        return await self._steer(transfer_id, "cancel")

    async def retry(self, transfer_id: UUID) -> TransferDetails:
        """Send out again what is not done. Raises ConflictError `nothing_to_retry`."""
        return await self._steer(transfer_id, "retry")

    async def watch(self, transfer_id: UUID, *, batches: bool = True) -> AsyncIterator[TransferDetails]:
        """Yield the transfer as it is now and whenever it changed, without results, until it has ended.

        Without its batches, of which a large transfer has thousands, each look costs little.
        """
        pause, before = FIRST_PAUSE, None
        while True:
            transfer = await self.get(transfer_id, results=0, batches=batches)
            if transfer != before:
                before, pause = transfer, FIRST_PAUSE
                yield transfer
            if transfer.ended:
                return
            await asyncio.sleep(pause)
            pause = min(LONGEST_PAUSE, pause * 1.5)

    async def _steer(self, transfer_id: UUID, verb: str) -> TransferDetails:
        return await self._http.call(
            TransferDetails, "POST", f"{_PATH}/{transfer_id}/{verb}", headers=_new_key()
        )


def _new_key() -> dict[str, str]:
    return {"Idempotency-Key": str(uuid4())}
