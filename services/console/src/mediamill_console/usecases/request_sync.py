"""Takes an operator's wish for a transfer: planned, written down and sent out in one transaction, once."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_catalog import audit, sync_planning
from mediamill_catalog.audit import Act
from mediamill_catalog.idempotency import Claim, RepeatableRequest, claim, earlier_answer
from mediamill_catalog.sync_planning import SyncLimits, SyncRequest
from mediamill_catalog.tables import utc_now
from mediamill_database import Database

SYNC_REQUESTED = "sync.requested"
_ACCEPTED = 202


class _OvertakenError(Exception):
    """The same request was accepted in another transaction meanwhile: this one is undone."""


@dataclass(frozen=True)
class SyncIntake:
    """Takes requests in; `limits` say how they are cut into batches."""

    database: Database
    limits: SyncLimits

    async def accept(self, wanted: SyncRequest, repeat: RepeatableRequest | None) -> UUID:
        """Return the id of the job, the earlier one's when the same request was accepted before.

        Raises NothingToSyncError; IdempotencyConflictError when the key was used for another request.
        """
        try:
            async with self.database.write() as session:
                return await self._accept(session, wanted, repeat)
        except _OvertakenError:
            async with self.database.write() as session:
                return await self._accept(session, wanted, repeat)

    async def _accept(
        self, session: AsyncSession, wanted: SyncRequest, repeat: RepeatableRequest | None
    ) -> UUID:
        now = utc_now()
        if repeat is not None:
            answer = await earlier_answer(
                session, user_id=wanted.requested_by, key=repeat.key, fingerprint=repeat.fingerprint
            )
            if answer is not None:
                return UUID(answer["id"])
        job_id = await sync_planning.plan(session, wanted, self.limits, now=now)
        if repeat is not None and not await _keep(session, wanted.requested_by, repeat, job_id, now):
            raise _OvertakenError
        detail = {
            "syncJobId": str(job_id),
            "operation": wanted.operation,
            "deleteSource": wanted.delete_source,
            "media": len(wanted.media_ids) or "by filter",
        }
        await audit.record(session, Act(wanted.requested_by, SYNC_REQUESTED, now, detail=detail))
        return job_id


async def _keep(
    session: AsyncSession, user_id: str, repeat: RepeatableRequest, job_id: UUID, now: datetime
) -> bool:
    """Keep the answer for a repetition; return whether there was none yet."""
    kept = Claim(user_id, repeat.key, repeat.fingerprint, _ACCEPTED, {"id": str(job_id)}, now)
    return (await claim(session, [kept]))[0]
