"""Takes an operator's wish for watermarks, once; what does not fit one transaction is planned after it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from uuid import UUID

from mediamill_catalog import audit, watermark_planning
from mediamill_catalog.audit import Act
from mediamill_catalog.idempotency import RepeatableRequest, answered_before
from mediamill_catalog.marks import resolve_mark
from mediamill_catalog.settings import MarkSettings, PlatformSettings, load
from mediamill_catalog.tables import utc_now
from mediamill_catalog.watermark_planning import WatermarkRequest
from mediamill_contracts.ids import new_id
from mediamill_database import Database

WATERMARK_REQUESTED = "watermark.requested"
_ACCEPTED = 202


@dataclass(frozen=True)
class WatermarkIntake:
    """Takes requests in; `plan_on` is told of jobs of which more is left to be planned."""

    database: Database
    defaults: PlatformSettings
    plan_on: Callable[[UUID], None]

    async def accept(
        self, request: WatermarkRequest, *, mark: MarkSettings | None, repeat: RepeatableRequest | None
    ) -> UUID:
        """Return the id of the job, the earlier one's when the same request was accepted before.

        Raises MarkImageError, NothingToMarkError; IdempotencyConflictError when the key was used for another
        request.
        """
        now, actor, job_id = utc_now(), request.requested_by, new_id()
        async with self.database.write() as session:
            answer = {"id": str(job_id)}
            earlier = await answered_before(
                session, repeat, user_id=actor, status_code=_ACCEPTED, answer=answer, now=now
            )
            if earlier is not None:
                return UUID(earlier["id"])
            settings = await load(session, self.defaults)
            if mark is not None:
                watermark = await resolve_mark(session, mark)
                request = replace(request, watermark=watermark, variants=mark.variants)
            more = await watermark_planning.plan(session, job_id, request, settings=settings, now=now)
            detail = {
                "watermarkJobId": str(job_id),
                "removes": mark is None,
                "media": len(request.media_ids) or "by filter",
            }
            await audit.record(session, Act(actor, WATERMARK_REQUESTED, now, detail=detail))
        if more:
            self.plan_on(job_id)
        return job_id
