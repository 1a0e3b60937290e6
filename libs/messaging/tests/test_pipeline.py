"""The consume path binds the log context, counts, and keeps the trace."""

import pytest
import structlog
from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags
from prometheus_client import REGISTRY

from mediamill_contracts.ids import new_id
from mediamill_contracts.media import MediaProgressed
from mediamill_messaging.envelope import seal
from mediamill_messaging.errors import PermanentError
from mediamill_messaging.pipeline import Pipeline
from mediamill_messaging.subscription import Delivery, route
from mediamill_messaging.tracing import inject_current

MESSAGE = MediaProgressed(media_id=new_id(), job_id=new_id(), user_id="u", progress=10, stage="started")
PAYLOAD = MESSAGE.model_dump_json().encode()


async def test_logs_inside_a_handler_name_the_medium_and_the_trace() -> None:
    """Whatever a handler logs can be found by medium, job, event and trace."""
    seen: dict[str, object] = {}

    async def handle(_message: MediaProgressed, _delivery: Delivery) -> None:
        seen.update(structlog.contextvars.get_contextvars())

    with trace.use_span(_origin()):
        headers = inject_current()
    await Pipeline("q", [route(MediaProgressed, handle)]).handle(_delivery(headers), PAYLOAD)
    assert seen["media_id"] == str(MESSAGE.media_id)
    assert seen["job_id"] == str(MESSAGE.job_id)
    assert (seen["event_id"], seen["trace_id"]) == ("e", f"{0xFEED:032x}")


async def test_one_message_leaves_no_context_for_the_next() -> None:
    """Ids of an earlier message are not bound to a message that has none of them."""
    seen: list[dict[str, object]] = []

    async def handle(_message: MediaProgressed, _delivery: Delivery) -> None:
        seen.append(structlog.contextvars.get_contextvars())

    pipeline = Pipeline("q", [route(MediaProgressed, handle)])
    structlog.contextvars.bind_contextvars(chat_id="stale")
    await pipeline.handle(_delivery(), PAYLOAD)
    assert "chat_id" not in seen[0]


async def test_deliveries_are_counted_by_how_they_ended() -> None:
    """Success, failure and refusal are told apart in the metrics."""
    errors: list[Exception] = [ValueError("first")]

    async def handle(_message: MediaProgressed, _delivery: Delivery) -> None:
        if errors:
            raise errors.pop()

    pipeline = Pipeline("counted", [route(MediaProgressed, handle)])
    with pytest.raises(ValueError, match="first"):
        await pipeline.handle(_delivery(), PAYLOAD)
    await pipeline.handle(_delivery(), PAYLOAD)
    with pytest.raises(PermanentError):
        await pipeline.handle(_delivery(), b"{")
    name = MediaProgressed.wire_name
    assert _count("counted", name, "failed") == 1
    assert _count("counted", name, "succeeded") == 1
    assert _count("counted", "", "refused") == 1


async def test_an_invalid_field_is_named() -> None:
    """The reason of a dead letter says which field was wrong, without repeating its value."""
    pipeline = Pipeline("q", [route(MediaProgressed, _ignore)])
    wrong = PAYLOAD.replace(b'"progress":10', b'"progress":1000')
    with pytest.raises(PermanentError, match="invalid_message: progress:") as caught:
        await pipeline.handle(_delivery(), wrong)
    assert "1000" not in caught.value.detail


def test_a_sealed_message_carries_the_trace_of_its_making() -> None:
    """The traceparent is written when the message is made, not when it is sent."""
    with trace.use_span(_origin()):
        envelope = seal(MESSAGE)
    assert envelope.headers["traceparent"].split("-")[1] == f"{0xFEED:032x}"
    assert seal(MESSAGE).headers == {}


def _origin() -> NonRecordingSpan:
    return NonRecordingSpan(SpanContext(0xFEED, 0x1, is_remote=False, trace_flags=TraceFlags(1)))


def _delivery(headers: dict[str, str] | None = None) -> Delivery:
    return Delivery("q", "e", MediaProgressed.wire_name, MediaProgressed.wire_name, headers or {})


async def _ignore(_message: MediaProgressed, _delivery: Delivery) -> None:
    return None


def _count(queue: str, type_name: str, outcome: str) -> float | None:
    labels = {"queue": queue, "type": type_name, "outcome": outcome}
    return REGISTRY.get_sample_value("media_messages_handled_total", labels)
