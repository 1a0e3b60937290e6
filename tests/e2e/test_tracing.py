"""One upload is one trace: from request through outbox, queues, retry and child process to notification.

Four processes take part that share nothing but messages; a real collector receives what they export.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import UUID

import httpx
import pytest

from mediamill_client.api import MediamillClient
from mediamill_testing.photos import PhotoCorpus
from mediamill_testing.system import ADMIN_EMAIL, ADMIN_PASSWORD, MediamillSystem
from mediamill_testing.waiting import eventually

from .otlp_receiver import OtlpReceiver, Span

TRACE_ID = secrets.token_hex(16)
CALLER_SPAN_ID = secrets.token_hex(8)


class TracedTransport(httpx.AsyncHTTPTransport):
    """Sends uploads as a caller that is traced itself."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Add the caller's trace context to uploads."""
        if request.url.path == "/api/media":
            request.headers["traceparent"] = f"00-{TRACE_ID}-{CALLER_SPAN_ID}-01"
        return await super().handle_async_request(request)


@pytest.fixture
def receiver() -> Iterator[OtlpReceiver]:
    """Run the collector."""
    with OtlpReceiver() as receiver:
        yield receiver


@pytest.fixture
async def system(
    rabbitmq_vhost_url: str, migrated_postgres_url: str, receiver: OtlpReceiver
) -> AsyncIterator[MediamillSystem]:
    """Give the system with ingest and notifier running, the processor not yet."""
    exporting = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url, "OTEL_BSP_SCHEDULE_DELAY": "100"}
    system = MediamillSystem(
        broker_url=rabbitmq_vhost_url, database_url=migrated_postgres_url, environment=exporting
    )
    try:
        await asyncio.to_thread(system.ingest.start)
        await asyncio.to_thread(system.notifier.start)
        yield system
    finally:
        await asyncio.to_thread(system.close)


async def test_upload_with_a_retry_is_one_trace(
    system: MediamillSystem, receiver: OtlpReceiver, photo_corpus: PhotoCorpus
) -> None:
    """The notification's span leads, parent by parent, back to the span of who uploaded."""
    client = MediamillClient(system.ingest.url, transport=TracedTransport())
    async with client:
        await client.login(ADMIN_EMAIL, ADMIN_PASSWORD)
        accepted = await client.upload(photo_corpus.photos(1)[0].path)
        obstacle = await block_the_thumb(system)
        await asyncio.to_thread(system.processor.start)
        await eventually(lambda: _is_retrying(client, accepted.job_id))
        obstacle.rmdir()
        job = await client.wait_for(accepted.job_id, seconds=60)
        timeline = await client.timeline(accepted.media_id)
    assert job.succeeded
    assert {entry.trace_id for entry in timeline} == {TRACE_ID}

    told = await eventually(lambda: _span_of(receiver, "notifier", "process media.ready"))
    assert told is not None
    spans = {span.span_id: span for span in receiver.spans(TRACE_ID)}
    way = [(span.service, span.name) for span in ancestors(told, spans)]
    assert way == [
        ("notifier", "process media.ready"),
        ("ingest", "process media.processed"),
        ("processor", "process media.accepted"),
        ("ingest", "process media.uploaded"),
        ("ingest", "POST /api/media"),
    ]
    assert ancestors(told, spans)[-1].parent_id == CALLER_SPAN_ID

    first, second = [span for span in spans.values() if span.name == "process media.accepted"]
    assert (first.failed, second.failed) == (True, False)
    assert first.parent_id == second.parent_id
    assert (first.attributes["mediamill.attempt"], second.attributes["mediamill.attempt"]) == (1, 2)
    below = [span for span in spans.values() if span.parent_id == second.span_id]
    steps = [span for span in below if span.service == "processor"]
    assert {"decode", "encode"} <= {step.name.split()[0] for step in steps}
    for step in steps:
        assert second.started_ns <= step.started_ns <= step.ended_ns <= second.ended_ns


async def block_the_thumb(system: MediamillSystem) -> Path:
    """Put a folder where the thumb is to be stored, once admission has moved the original."""

    def admitted() -> Path | None:
        return next((system.storage / "permanent").rglob("*.*"), None)

    original = await eventually(admitted)
    assert original is not None
    obstacle = original.with_name(f"{original.stem}_thumb.jpg")
    obstacle.mkdir()
    return obstacle


def ancestors(span: Span, spans: dict[str, Span]) -> list[Span]:
    """Return a span and those above it, up to one whose parent was not exported."""
    way = [span]
    while (above := spans.get(way[-1].parent_id)) is not None:
        way.append(above)
    return way


def _span_of(receiver: OtlpReceiver, service: str, name: str) -> Span | None:
    return next((s for s in receiver.spans(TRACE_ID) if (s.service, s.name) == (service, name)), None)


async def _is_retrying(client: MediamillClient, job_id: UUID) -> bool:
    return (await client.job(job_id)).status == "retrying"
