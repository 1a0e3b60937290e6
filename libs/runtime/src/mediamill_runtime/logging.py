"""One log stream a process: every line on standard error, in one format, whoever wrote it.

Libraries that log through the standard library (uvicorn, FastStream, aio-pika, …) pass the same processors
as our own structlog loggers, so each line carries the trace, medium and job it belongs to, and none carries a
secret.
"""

import contextlib
import io
import logging
import re
import sys
from functools import lru_cache
from json import JSONEncoder
from typing import Any, TextIO, cast

import structlog
from opentelemetry import trace
from structlog.typing import EventDict, Processor, WrappedLogger

_SECRET_NAME = re.compile(r"passw|secret|token|authorization|cookie|api_?key|credential", re.IGNORECASE)
_URL_PASSWORD = re.compile(r"(://[^\s:/@\"']*):[^\s/@\"']+@")
_CHATTY = {"uvicorn.error": logging.WARNING, "uvicorn.access": logging.CRITICAL, "asyncio": logging.INFO}
_MASK = "***"


def configure_logging(service: str, *, json: bool, level: str = "info", stream: TextIO | None = None) -> None:
    """Send all logs of this process to `stream` (standard error), as JSON or as readable text."""
    output = cast("TextIO", stream or _StandardError())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _ServiceName(service),
        add_trace_id,
        mask_secrets,
    ]
    render: list[Processor] = [*_renderers(json=json, colors=output.isatty()), mask_url_passwords]
    numeric_level = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[*shared, *render],
        wrapper_class=structlog.make_filtering_bound_logger(numeric_level),
        logger_factory=structlog.WriteLoggerFactory(output),
        cache_logger_on_first_use=True,
    )
    _route_standard_library(shared, render, numeric_level, output)


class _StandardError(io.TextIOBase):
    """Whatever is standard error when a line is written: who replaces it may close the one before.

    What cannot be written (the disk is full, the reader of the pipe is gone, the stream is closed) is lost:
    an error here would end whatever work it was that had something to say.
    """

    def write(self, text: str) -> int:
        """Write to the present one, if that can be done."""
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush the present one, if that can be done."""
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.flush()

    def isatty(self) -> bool:
        """Whether the present one is a terminal."""
        return sys.stderr.isatty()


def add_trace_id(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Add the id of the trace that is current where the line was written."""
    if "trace_id" not in event:
        context = trace.get_current_span().get_span_context()
        if context.is_valid:
            event["trace_id"] = trace.format_trace_id(context.trace_id)
    return event


def mask_secrets(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Replace the value of every field whose name says that it is secret, also inside mappings."""
    for key, value in event.items():
        if _is_secret(key):
            event[key] = _MASK
        elif isinstance(value, dict):
            event[key] = mask_secrets(_logger, _method, dict(value))
    return event


def mask_url_passwords(_logger: WrappedLogger, _method: str, line: Any) -> str:
    """Remove passwords from URLs in the finished line, wherever they came from (messages, tracebacks)."""
    text = line if isinstance(line, str) else str(line)
    if "://" in text and "@" in text:
        return _URL_PASSWORD.sub(rf"\1:{_MASK}@", text)
    return text


@lru_cache(maxsize=1024)
def _is_secret(name: str) -> bool:
    return _SECRET_NAME.search(name) is not None


class _ServiceName:
    """Stamps the line with the service that wrote it."""

    def __init__(self, service: str) -> None:
        self._service = service

    def __call__(self, _logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event["service"] = self._service
        return event


_json_encoder = JSONEncoder(default=str, ensure_ascii=False)
"""Built once: `json.dumps` with options builds one for each line."""


def _render_json(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    return _json_encoder.encode(event)


def _renderers(*, json: bool, colors: bool) -> list[Processor]:
    if json:
        return [structlog.processors.format_exc_info, _render_json]
    return [
        structlog.dev.ConsoleRenderer(
            colors=colors, exception_formatter=structlog.dev.plain_traceback, pad_event_to=0
        )
    ]


def _route_standard_library(
    shared: list[Processor], render: list[Processor], level: int, output: TextIO
) -> None:
    handler = logging.StreamHandler(output)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in list(logging.root.manager.loggerDict):
        _hand_over_to_root(logging.getLogger(name))
    for name, least in _CHATTY.items():
        logging.getLogger(name).setLevel(max(least, level))


def _hand_over_to_root(logger: logging.Logger) -> None:
    """Drop the handlers that a library installed at import; the root's handler takes its lines."""
    logger.handlers.clear()
    logger.propagate = True
