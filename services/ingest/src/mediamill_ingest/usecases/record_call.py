"""What became of queued calls: reports of where they are, how they ended, and those that were given up."""

from uuid import UUID

from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_catalog import calls, media
from mediamill_catalog.recovery import public_code
from mediamill_catalog.tables import utc_now
from mediamill_contracts.call import CallCompleted, CallProgressed, RequestCall
from mediamill_contracts.call_types import call_types
from mediamill_database import Database
from mediamill_messaging.errors import RetryLaterError
from mediamill_messaging.transport import DeadLetter
from mediamill_outbox import emit

_GIVEN_UP = "Sorry, this did not work. Please try again later."


async def record_call_progress(database: Database, news: CallProgressed) -> None:
    """Write where a call is; a call that has ended stays as it is."""
    async with database.write() as session:
        await calls.note_progress(session, news, now=utc_now())


async def record_call_completed(database: Database, ended: CallCompleted) -> None:
    """Move the call to its end; a late or repeated result changes nothing.

    Raises RetryLaterError while a medium that the call made is not admitted: its caller would not find it.
    """
    async with database.write() as session:
        made = (ended.result or {}).get("mediaId")
        if made is not None and await media.find(session, UUID(made)) is None:
            raise RetryLaterError(0, "the medium that the call made is not admitted yet")
        await calls.complete(session, ended, now=utc_now())


async def record_dead_call(session: AsyncSession, letter: DeadLetter, *, show_details: bool) -> None:
    """End the call that a dead letter asked for, and tell its user so in words that are safe.

    With `show_details` in those of the error.
    """
    try:
        call = RequestCall.model_validate_json(letter.payload)
    except ValidationError:
        return
    kind = call_types().get(call.call_type)
    public = _GIVEN_UP if kind is None else kind.public_failure
    ended = CallCompleted(
        job_id=call.job_id,
        user_id=call.user_id,
        call_type=call.call_type,
        status="failed",
        code=public_code(letter.code),
        detail=letter.error if show_details and letter.error else public,
    )
    if await calls.complete(session, ended, now=utc_now()):
        await emit(session, ended)
