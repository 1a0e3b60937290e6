"""Takes an operator's wish for a transfer: planned, written down and sent out in one transaction, once."""

from dataclasses import dataclass
from uuid import UUID

from mediamill_catalog import audit, sync_planning
from mediamill_catalog.audit import Act
from mediamill_catalog.idempotency import RepeatableRequest, answered_before
from mediamill_catalog.sync_planning import SyncLimits, SyncRequest
from mediamill_catalog.tables import utc_now
from mediamill_contracts.ids import new_id
from mediamill_database import Database

SYNC_REQUESTED = "sync.requested"
_ACCEPTED = 202


@dataclass(frozen=True)
class SyncIntake:
    """Takes requests in; `limits` say how they are cut into batches."""

    database: Database
    limits: SyncLimits

    async def accept(self, wanted: SyncRequest, repeat: RepeatableRequest | None) -> UUID:
        """Return the id of the job, the earlier one's when the same request was accepted before.

        A repetition that comes while the first is being planned waits for it. Raises NothingToSyncError;
        IdempotencyConflictError when the key was used for another request.
        """
        now, actor, job_id = utc_now(), wanted.requested_by, new_id()
        async with self.database.write() as session:
            answer = {"id": str(job_id)}
            earlier = await answered_before(
                session, repeat, user_id=actor, status_code=_ACCEPTED, answer=answer, now=now
            )
            if earlier is not None:
                return UUID(earlier["id"])
            await sync_planning.plan(session, wanted, self.limits, now=now, job_id=job_id)
            detail = {
                "syncJobId": str(job_id),
                "operation": wanted.operation,
                "deleteSource": wanted.delete_source,
                "media": len(wanted.media_ids) or "by filter",
            }
            await audit.record(session, Act(actor, SYNC_REQUESTED, now, detail=detail))
        return job_id
