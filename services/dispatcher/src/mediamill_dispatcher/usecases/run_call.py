"""Makes one attempt at one call, and says what is to become of it.

A call ends in three ways: with a result, with a refusal of the upstream, or by running out of attempts. The
first two are results of this service; the third is a dead letter, which an operator can replay.
"""

import asyncio
from dataclasses import dataclass
from typing import Literal

import structlog
from pydantic import ValidationError

from mediamill_contracts.call import CallCompleted, CallProgressed, RequestCall
from mediamill_dispatcher import metrics
from mediamill_dispatcher.registry import Line, Registry
from mediamill_dispatcher.runner import CallContext, UpstreamRefusedError, UpstreamUnavailableError
from mediamill_messaging.errors import PermanentError, RetryLaterError
from mediamill_messaging.transport import Publisher
from mediamill_storage.object_store import ObjectStore

CallStatus = Literal["active", "retrying"]
_TELL_SECONDS = 2
"""Later than this the news is old."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Dispatch:
    """What calls are made with."""

    registry: Registry
    store: ObjectStore
    publisher: Publisher
    show_details: bool
    """Whether users may read why an upstream failed: in development only."""


async def run_call(dispatch: Dispatch, call: RequestCall, *, failures: int) -> CallCompleted:
    """Return how the call ended; `failures` counts the attempts that failed before.

    Raises RetryLaterError when it is to be tried again, PermanentError when there is no attempt left, or the
    kind or payload is not known here.
    """
    line = dispatch.registry.line(call.call_type)
    if line is None:
        raise PermanentError("unknown_call_type", f"{call.call_type} is not installed in this dispatcher")
    async with line.places:
        await _keep_away_while_down(dispatch, line, call, failures)
        try:
            await _tell(dispatch, call, "active", failures + 1)
            return await _attempt(dispatch, line, call)
        except UpstreamUnavailableError as error:
            raise await _again(dispatch, line, call, error, failures) from error
        except asyncio.CancelledError:
            line.breaker.abandoned()
            raise


async def _keep_away_while_down(dispatch: Dispatch, line: Line, call: RequestCall, failures: int) -> None:
    """Raise RetryLaterError while the upstream is dead: that uses up no attempt, and the user is told."""
    wait = line.breaker.wait_seconds()
    if wait > 0:
        metrics.CALLS.labels(line.kind.name, "kept_away").inc()
        detail = "the upstream is down" if dispatch.show_details else line.kind.public_error
        await _tell(dispatch, call, "retrying", failures, detail)
        raise RetryLaterError(wait, "the upstream is down", counts=False)


async def _attempt(dispatch: Dispatch, line: Line, call: RequestCall) -> CallCompleted:
    try:
        payload = line.kind.payload.model_validate(call.payload)
    except ValidationError as error:
        line.breaker.abandoned()
        raise PermanentError("invalid_payload", str(error.errors(include_input=False)[0]["msg"])) from None
    context = CallContext(call.job_id, call.user_id, dispatch.store, dispatch.publisher)
    try:
        with metrics.CALL_SECONDS.labels(line.kind.name).time():
            async with asyncio.timeout(line.kind.time_limit_seconds):
                result = await line.runner.run(payload, context)
    except UpstreamRefusedError as refusal:
        _note(line, "refused", up=True)
        detail = str(refusal) if dispatch.show_details else refusal.public
        return _ended(call, status="failed", code=refusal.code, detail=detail)
    except TimeoutError as error:
        _note(line, "failed", up=False)
        raise UpstreamUnavailableError(f"no answer within {line.kind.time_limit_seconds:g} s") from error
    except UpstreamUnavailableError:
        _note(line, "failed", up=False)
        raise
    except Exception as error:
        _note(line, "failed", up=False)
        raise UpstreamUnavailableError(f"{type(error).__name__}: {error}") from error
    _note(line, "completed", up=True)
    return _ended(call, status="completed", result=result)


async def _again(
    dispatch: Dispatch, line: Line, call: RequestCall, error: UpstreamUnavailableError, failures: int
) -> Exception:
    """Return what to raise: another attempt after the kind's delay, or the end of all attempts."""
    _log.warning("call failed", call_type=call.call_type, attempt=failures + 1, error=str(error))
    delays = line.kind.delays
    if failures >= len(delays):
        return PermanentError("retries_exhausted", str(error))
    detail = str(error) if dispatch.show_details else line.kind.public_error
    await _tell(dispatch, call, "retrying", failures + 1, detail)
    return RetryLaterError(max(delays[failures], error.retry_after or 0), str(error))


async def _tell(
    dispatch: Dispatch, call: RequestCall, status: CallStatus, attempt: int, detail: str | None = None
) -> None:
    """Announce where the call is; nobody waits for that, and it must not fail the call."""
    news = CallProgressed(
        job_id=call.job_id,
        user_id=call.user_id,
        call_type=call.call_type,
        status=status,
        attempt=attempt,
        detail=detail,
    )
    try:
        async with asyncio.timeout(_TELL_SECONDS):
            await dispatch.publisher.announce(news)
    except Exception as error:  # noqa: BLE001 - news; whatever is wrong with it must not spread
        _log.debug("progress not announced", error=repr(error))


def _note(line: Line, outcome: str, *, up: bool) -> None:
    if up:
        line.breaker.succeeded()
    else:
        line.breaker.failed()
    metrics.CALLS.labels(line.kind.name, outcome).inc()
    metrics.CIRCUIT_OPEN.labels(line.kind.name).set(line.breaker.is_open)


def _ended(call: RequestCall, **how: object) -> CallCompleted:
    return CallCompleted.model_validate(
        {"job_id": call.job_id, "user_id": call.user_id, "call_type": call.call_type, **how}
    )
