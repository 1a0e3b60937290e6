"""From a dead letter to the job it was about, and from its replay back to an open job."""

import re
from datetime import datetime

from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_catalog import calls, jobs, media, timeline
from mediamill_catalog.timeline import Happening
from mediamill_contracts.call import RequestCall
from mediamill_contracts.media import (
    JobMessage,
    MediaAccepted,
    MediaProcessed,
    MediaRejected,
    MediaUploaded,
)
from mediamill_outbox import replay
from mediamill_outbox.tables import dead_letter

DECISIVE = frozenset(
    model.wire_name for model in (MediaUploaded, MediaAccepted, MediaProcessed, MediaRejected)
)
"""Messages without which a job cannot end. The loss of any other, as of a progress report, ends no job."""

REPLAYED = "media.replayed"
"""Name of the line that a replay leaves in the timeline."""

_CODE = re.compile(r"[a-z][a-z0-9_]{0,63}")


def public_code(code: str) -> str:
    """Return a dead letter's code as the reason that records and clients see."""
    return code if _CODE.fullmatch(code) else "processing_failed"


async def job_of_letter(session: AsyncSession, type_name: str, payload: bytes) -> JobMessage | None:
    """Return the medium, job and user of a letter that decides a job, or None.

    Senders are not believed: the ids count only when the catalog's job belongs to the same medium and user.
    """
    if type_name not in DECISIVE:
        return None
    try:
        about = JobMessage.model_validate_json(payload)
    except ValidationError:
        return None
    job = await jobs.find(session, about.job_id)
    known = job is not None and job.media_id == about.media_id and job.user_id == about.user_id
    return about if known else None


async def _reopen_call(session: AsyncSession, payload: bytes, now: datetime) -> None:
    try:
        call = RequestCall.model_validate_json(payload)
    except ValidationError:
        return
    await calls.reopen(session, call.job_id, now=now)


async def replay_dead_letter(
    session: AsyncSession, dead_letter_id: int, *, actor: str, now: datetime
) -> None:
    """Send a dead letter back to the queue that failed, and open the job that had failed with it again.

    A job that ended otherwise since then stays as it is. Raises mediamill_outbox.DeadLetterClosedError.
    """
    await replay(session, dead_letter_id, actor)
    columns = (dead_letter.c.type, dead_letter.c.payload, dead_letter.c.code)
    letter = (await session.execute(select(*columns).where(dead_letter.c.id == dead_letter_id))).one()
    if letter.type == RequestCall.wire_name:
        await _reopen_call(session, letter.payload, now)
        return
    about = await job_of_letter(session, letter.type, letter.payload)
    if about is None or not await media.reopen(
        session, about.media_id, code=public_code(letter.code), now=now
    ):
        return
    await jobs.reopen_job(session, about.job_id, now=now)
    line = Happening(about.media_id, REPLAYED, now, job_id=about.job_id, actor=actor)
    await timeline.record(session, line)
