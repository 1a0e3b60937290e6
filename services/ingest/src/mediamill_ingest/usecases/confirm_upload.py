"""A client says that its file is in S3: from a promise it becomes a medium, or is refused.

The client holds a signed URL for the place it sent to, and may write there again at any time. So the bytes
are first copied to a key that no URL was ever signed for; the copy is judged, and the copy is what goes on to
admission. Which of several copies counts is decided by the row's change alone; the others are removed. A
crash before that change leaves the sent object where it was, and confirming again begins anew; what a crash
leaves behind under `temp/` is swept. (A file in parts needs no copy: once completed, nothing can be sent to
it.)
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Row

from mediamill_catalog import jobs, presigned, timeline
from mediamill_catalog.tables import MediaStatus, utc_now
from mediamill_catalog.timeline import Happening
from mediamill_contracts.ids import new_id
from mediamill_contracts.media import MediaFailed, MediaUploaded, StagedObject
from mediamill_database import Database
from mediamill_ingest.current_stores import CurrentStores
from mediamill_ingest.late_object import await_object
from mediamill_ingest.metrics import count_added, count_confirmed, count_refused
from mediamill_ingest.part_plan import is_in_parts
from mediamill_ingest.ports import CloudStore
from mediamill_ingest.registration import register_confirmed
from mediamill_ingest.single_flight import SingleFlight
from mediamill_ingest.upload_errors import ObjectMissingError, UnknownUploadError, UploadExpiredError
from mediamill_outbox import emit
from mediamill_runtime.telemetry import current_trace_id
from mediamill_storage import keys
from mediamill_storage.inspection import AcceptancePolicy, RefusedFileError
from mediamill_storage.object_inspection import inspect_object
from mediamill_storage.object_store import ObjectNotFoundError, StoreUnavailableError

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Confirmed:
    """The medium that an upload became, and its job."""

    medium: Row[Any]
    job_id: UUID


@dataclass(frozen=True)
class Confirmation:
    """Confirms uploads; `lifetime` is how long one may take from its beginning."""

    database: Database
    stores: CurrentStores
    policy: AcceptancePolicy
    lifetime: timedelta
    _flights: SingleFlight[None] = field(default_factory=SingleFlight)

    async def confirm(
        self, upload_id: UUID, user_id: str, named_parts: Mapping[int, str] | None = None
    ) -> Confirmed:
        """Return what the upload became, now or before; calls at the same time share the work.

        Raises UnknownUploadError, UploadExpiredError, ObjectMissingError, PartMismatchError,
        RefusedFileError (again the same one), StoreNotConfiguredError and StoreUnavailableError.
        """
        row = await self._find(upload_id, user_id)
        if row.status in presigned.AWAITED:
            work = partial(self._settle, row, named_parts or {})
            await self._flights.run((upload_id, *sorted((named_parts or {}).items())), work)
            row = await self._find(upload_id, user_id)
        return await self._outcome(row)

    async def _find(self, upload_id: UUID, user_id: str) -> Row[Any]:
        async with self.database.read() as session:
            row = await presigned.find(session, upload_id, user_id)
        if row is None:
            raise UnknownUploadError
        return row

    async def _outcome(self, row: Row[Any]) -> Confirmed:
        async with self.database.read() as session:
            job = await jobs.newest_of_media(session, row.id)
        if job is not None:
            return Confirmed(row, job.id)
        if row.status == MediaStatus.FAILED:
            raise RefusedFileError(row.failure_code, row.failure_detail)
        raise UploadExpiredError

    async def _settle(self, row: Row[Any], named_parts: Mapping[int, str]) -> None:
        """Bring an awaited upload to an end, if its bytes are there."""
        cloud = self.stores.cloud()
        if utc_now() - row.created_at > self.lifetime:
            await self._expire(cloud, row)
            return
        try:
            await await_object(cloud, row, named_parts)
            await self._judge(cloud, row)
        except (ObjectMissingError, ObjectNotFoundError) as error:
            if (await self._find(row.id, row.user_id)).status in presigned.AWAITED:
                count_refused("object_missing")
                if isinstance(error, ObjectMissingError):
                    raise
                raise ObjectMissingError("The file has gone from S3.") from error

    async def _judge(self, cloud: CloudStore, row: Row[Any]) -> None:
        """Look at a sealed copy and settle what becomes of it; then remove all that is not needed."""
        staged = row.original_key
        sealed = staged if is_in_parts(row.size_bytes) else keys.sealed_key(row.user_id, row.id)
        verdict: RefusedFileError | None = None
        try:
            if sealed != staged:
                await cloud.copy(staged, sealed)
            await self._inspect(cloud, sealed, row)
        except RefusedFileError as refusal:
            verdict = refusal
        except BaseException:
            if sealed != staged:
                await _discard(cloud, sealed)
            raise
        # An error from here on leaves both objects: the change may have been committed all the same.
        if verdict is None:
            needed = sealed if await self._accept(sealed, row) else staged
        else:
            needed = None if await self._refuse(cloud, sealed, row, verdict) else staged
        for key in {staged, sealed} - {needed}:
            await _discard(cloud, key)

    async def _inspect(self, cloud: CloudStore, key: str, row: Row[Any]) -> None:
        found = await cloud.stat(key)
        if found is None:
            raise ObjectNotFoundError(key)
        if found.size_bytes != row.size_bytes:
            detail = f"announced with {row.size_bytes} bytes, but it has {found.size_bytes}"
            raise RefusedFileError("size_mismatch", detail)
        await inspect_object(cloud, key, found.size_bytes, row.media_type, self.policy)

    async def _accept(self, sealed: str, row: Row[Any]) -> bool:
        """Make it a medium with a job, and announce it; return False when somebody else was first."""
        event = _announcement(row, sealed)
        async with self.database.write() as session:
            if not await presigned.confirm(session, row.id, sealed, now=event.uploaded_at):
                return False
            await register_confirmed(session, event, media_type=row.media_type)
            await emit(session, event)
        count_confirmed()
        count_added(row.entity_type, row.lane)
        return True

    async def _refuse(self, cloud: CloudStore, sealed: str, row: Row[Any], refusal: RefusedFileError) -> bool:
        """Put the bytes away and the verdict on record; return False when somebody else was first."""
        quarantine = keys.quarantine_key(row.id)
        now = utc_now()
        await cloud.copy(sealed, quarantine)
        line = Happening(
            row.id,
            MediaFailed.wire_name,
            now,
            detail={"code": refusal.code, "detail": refusal.detail},
            trace_id=current_trace_id(),
        )
        async with self.database.write() as session:
            refused = await presigned.refuse(
                session,
                row.id,
                code=refusal.code,
                detail=refusal.detail,
                quarantine_key=quarantine,
                now=now,
            )
            if refused:
                await timeline.record(session, line)
        if refused:
            count_refused(refusal.code)
        return refused

    async def _expire(self, cloud: CloudStore, row: Row[Any]) -> None:
        """Close the upload; its bytes go, as far as S3 can be reached, else with the next sweep."""
        async with self.database.write() as session:
            expired = await presigned.expire(session, row.id, now=utc_now())
        if not expired:
            return
        count_refused("upload_expired")
        await _discard(cloud, row.original_key)
        if row.multipart_id is not None:
            try:
                await cloud.direct.abort_multipart(row.original_key, row.multipart_id)
            except StoreUnavailableError as error:
                _log.warning("could not abort an upload", upload_id=str(row.id), error=str(error))


async def _discard(cloud: CloudStore, key: str) -> None:
    """Remove what nobody needs; when S3 does not answer, the sweep of temporary objects does it later."""
    try:
        await cloud.delete(key)
    except StoreUnavailableError as error:
        _log.warning("could not remove a temporary object", key=key, error=str(error))


def _announcement(row: Row[Any], sealed: str) -> MediaUploaded:
    return MediaUploaded(
        media_id=row.id,
        job_id=new_id(),
        user_id=row.user_id,
        staged=StagedObject(store="s3", key=sealed, size_bytes=row.size_bytes),
        file_name=row.file_name,
        declared_type=row.media_type,
        entity_type=row.entity_type,
        entity_id=row.entity_id,
        alt=row.alt,
        title=row.title,
        lane=row.lane,
        uploaded_at=utc_now(),
    )
