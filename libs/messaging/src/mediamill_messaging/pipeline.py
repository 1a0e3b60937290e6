"""The one consume path, shared by every transport: what happens between a delivery and its handler.

Validate by type, open the span, bind the log context, count, call the handler. Transports differ only in how
a delivery reaches this path and in how its outcome is made durable.
"""

import asyncio
import time
from collections.abc import Iterable
from typing import Any

import structlog
from opentelemetry.trace import Span
from prometheus_client import Counter, Histogram
from pydantic import ValidationError
from pydantic_core import from_json

from mediamill_contracts import Message
from mediamill_contracts.topology import RetryPolicy
from mediamill_messaging.errors import PermanentError
from mediamill_messaging.outcome import Outcome, Retry, check_crashes
from mediamill_messaging.subscription import BroadcastSubscription, Delivery, Route, Subscription
from mediamill_messaging.tracing import consumer_span, trace_id_of

HANDLED = Counter(
    "media_messages_handled_total", "Deliveries by how they ended", ["queue", "type", "outcome"]
)
SECONDS = Histogram(
    "media_message_seconds",
    "Time a handler took",
    ["queue", "type"],
    buckets=(0.001, 0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300),
)
GIVEN_UP = Counter("media_messages_dead_total", "Messages that became dead letters", ["queue", "code"])

logger = structlog.get_logger(__name__)


class _Path:
    """A route with its labels resolved, so that a message costs no label lookup."""

    def __init__(self, queue: str, route: Route) -> None:
        name = route.model.wire_name
        self.route = route
        self.span_name = f"process {name}"
        self.succeeded = HANDLED.labels(queue, name, "succeeded")
        self.failed = HANDLED.labels(queue, name, "failed")
        self.seconds = SECONDS.labels(queue, name)


class Pipeline:
    """Takes deliveries of one queue or broadcast to their handlers."""

    def __init__(self, queue: str, routes: Iterable[Route], retry: RetryPolicy | None = None) -> None:
        self.queue = queue
        self._retry = retry
        self._paths = {route.model.wire_name: _Path(queue, route) for route in routes}
        self._refused = HANDLED.labels(queue, "", "refused")

    @classmethod
    def of(cls, subscription: Subscription) -> "Pipeline":
        """Build the path of a work queue."""
        return cls(subscription.queue.name, subscription.routes, subscription.retry_policy)

    @classmethod
    def of_broadcast(cls, subscription: BroadcastSubscription) -> "Pipeline":
        """Build the path of a broadcast, which is never retried."""
        return cls(subscription.broadcast.name, subscription.routes)

    def takes(self, type_name: str) -> bool:
        """Tell whether a handler is registered for this message type."""
        return type_name in self._paths

    async def handle(self, delivery: Delivery, payload: bytes) -> None:
        """Run the handler to its end.

        Raises whatever the handler raised, or PermanentError with one of `unknown_type`, `invalid_json`,
        `invalid_message`, `crash_limit` when the handler must not run.
        """
        try:
            if self._retry is not None:
                check_crashes(delivery.crashes, self._retry)
            path = self._paths.get(delivery.type)
            if path is None:
                raise _stranger(self.queue, delivery.type, payload)
            message = _parse(path.route.model, payload)
        except PermanentError:
            self._refused.inc()
            raise
        started = time.perf_counter()
        try:
            with consumer_span(path.span_name, delivery.headers, _attributes(delivery)) as span:
                _bind_log_context(delivery, message, span)
                await path.route.handler(message, delivery)
        except asyncio.CancelledError:
            _refuse_inner_cancellation()
            raise
        except Exception:
            path.failed.inc()
            raise
        else:
            path.succeeded.inc()
        finally:
            path.seconds.observe(time.perf_counter() - started)


def report(delivery: Delivery, outcome: Outcome, error: BaseException) -> None:
    """Log and count what was decided about a failed delivery."""
    if isinstance(outcome, Retry):
        logger.warning(
            "message will be retried",
            queue=delivery.queue,
            event_id=delivery.event_id,
            attempt=delivery.attempt,
            delay=outcome.delay,
            error=outcome.error,
        )
        return
    GIVEN_UP.labels(delivery.queue, outcome.code).inc()
    logger.error(
        "message became a dead letter",
        queue=delivery.queue,
        event_id=delivery.event_id,
        attempt=delivery.attempt,
        code=outcome.code,
        error=outcome.error,
        exc_info=None if isinstance(error, PermanentError) else error,
    )


def _parse(model: type[Message], payload: bytes) -> Message:
    try:
        return model.model_validate_json(payload)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        code = "invalid_json" if first["type"] == "json_invalid" else "invalid_message"
        where = ".".join(str(part) for part in first["loc"])
        raise PermanentError(code, f"{where}: {first['msg']}" if where else first["msg"]) from error


def _stranger(queue: str, type_name: str, payload: bytes) -> PermanentError:
    """Tell a message of a type that is not taken here from bytes that are no message at all."""
    try:
        from_json(payload)
    except ValueError as error:
        return PermanentError("invalid_json", str(error))
    return PermanentError("unknown_type", f"{queue} does not take {type_name!r}")


def _attributes(delivery: Delivery) -> dict[str, str | int]:
    return {
        "messaging.system": delivery.transport,
        "messaging.operation.type": "process",
        "messaging.destination.name": delivery.queue,
        "messaging.message.id": delivery.event_id,
        "mediamill.attempt": delivery.attempt,
    }


def _bind_log_context(delivery: Delivery, message: Message, span: Span) -> None:
    context: dict[str, Any] = {"event_id": delivery.event_id, "trace_id": trace_id_of(span)}
    for name in ("media_id", "job_id"):
        value = getattr(message, name, None)
        if value is not None:
            context[name] = str(value)
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(**context)


def _refuse_inner_cancellation() -> None:
    """Turn a CancelledError that nobody asked for into an ordinary failure, so that it is retried."""
    task = asyncio.current_task()
    if task is not None and task.cancelling() == 0:
        raise RuntimeError("the handler was cancelled from within")
