import errno
import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog
from opentelemetry import trace

from mediamill_runtime.logging import configure_logging
from mediamill_runtime.telemetry import configure_telemetry


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """Send the logs of the test to a string, and put the standard library back afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    output = io.StringIO()
    configure_logging("example", json=True, stream=output)
    structlog.contextvars.clear_contextvars()
    yield output
    structlog.contextvars.clear_contextvars()
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    """Parse every line that was logged."""
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_every_line_is_json_with_service_level_and_time(stream):
    """A line says who wrote it, when, and how important it is."""
    structlog.get_logger().info("stored", size_bytes=12)
    (line,) = lines(stream)
    assert line["service"] == "example"
    assert line["level"] == "info"
    assert line["event"] == "stored"
    assert line["size_bytes"] == 12
    assert str(line["timestamp"]).endswith("Z")


def test_context_is_on_every_line_of_libraries_too(stream):
    """Ids bound once are on our lines and on those of the standard library, with the trace id."""
    configure_telemetry("example")
    structlog.contextvars.bind_contextvars(media_id="m-1", job_id="j-1")
    with trace.get_tracer("test").start_as_current_span("work") as span:
        structlog.get_logger().info("ours")
        logging.getLogger("aio_pika.connection").warning("theirs %s", "formatted")
        trace_id = trace.format_trace_id(span.get_span_context().trace_id)
    ours, theirs = lines(stream)
    for line in (ours, theirs):
        assert (line["media_id"], line["job_id"], line["trace_id"]) == ("m-1", "j-1", trace_id)
        assert line["service"] == "example"
    assert theirs["event"] == "theirs formatted"
    assert theirs["logger"] == "aio_pika.connection"


def test_secrets_are_masked(stream):
    """Secret fields, nested ones too, and passwords in URLs and tracebacks never reach the log."""
    log = structlog.get_logger()
    log.info("login", password="hunter2", headers={"Authorization": "Bearer hunter2", "Accept": "*/*"})
    log.warning("connecting to amqp://media:hunter2@rabbit:5672/")
    try:
        raise ConnectionError("no route to postgresql+asyncpg://media:hunter2@db/media")
    except ConnectionError:
        logging.getLogger("sqlalchemy").exception("failed")
    assert "hunter2" not in stream.getvalue()
    login, _, failed = lines(stream)
    assert login["headers"] == {"Authorization": "***", "Accept": "*/*"}
    assert "postgresql+asyncpg://media:***@db/media" in str(failed["exception"])


def test_quieter_lines_are_dropped(stream):
    """Below the level nothing is written, by us or by libraries; uvicorn's start-up chatter is gone."""
    structlog.get_logger().debug("detail")
    logging.getLogger("faststream").debug("detail")
    logging.getLogger("uvicorn.error").info("Started server process [1]")
    logging.getLogger("uvicorn.error").error("kept")
    assert [line["event"] for line in lines(stream)] == ["kept"]


def test_text_is_for_people():
    """Outside production a line is readable text."""
    output = io.StringIO()
    configure_logging("example", json=False, stream=output)
    structlog.get_logger().info("stored", media_id="m-1")
    structlog.reset_defaults()
    assert "stored" in output.getvalue()
    assert "media_id=m-1" in output.getvalue()


def test_a_line_that_cannot_be_written_is_only_lost(stream, monkeypatch):
    """A full disk or a closed stream costs the line; whoever logs goes on, and later lines are there."""

    class FullDisk(io.StringIO):
        def write(self, _text: str) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    closed, present = io.StringIO(), io.StringIO()
    closed.close()
    monkeypatch.setattr("sys.stderr", present)
    configure_logging("example", json=True)
    for unusable in (FullDisk(), closed):
        monkeypatch.setattr("sys.stderr", unusable)
        structlog.get_logger().info("lost")
    monkeypatch.setattr("sys.stderr", present)
    structlog.get_logger().info("kept")
    assert [line["event"] for line in lines(present)] == ["kept"]
