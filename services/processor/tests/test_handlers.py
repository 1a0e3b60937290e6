"""One job from message to result: what is stored, what is published, and what happens when it fails."""

from pathlib import Path
from unittest.mock import patch

import pytest

from mediamill_contracts.media import MediaFailed
from mediamill_contracts.topology import PROCESSOR_IMAGES
from mediamill_messaging.errors import PermanentError
from mediamill_messaging.subscription import Delivery
from mediamill_processor.handlers import Cancellations, ImageHandlers
from mediamill_processor.progress import ProgressAnnouncer
from mediamill_processor.sandbox.answers import RenderingFailedError
from mediamill_processor.sandbox.pool import SandboxPool
from mediamill_processor.usecases.settle import DoubtfulVerdictError
from mediamill_storage.keys import quarantine_key
from mediamill_storage.local import LocalObjectStore
from mediamill_storage.stores import Stores
from mediamill_testing.photos import PhotoCorpus
from mediamill_testing.waiting import eventually

from .conftest import DELIVERY, RememberingPublisher, StartPool, Submit, content_of, files_below, store_root


@pytest.fixture
async def pool(start_pool: StartPool) -> SandboxPool:
    """Give a pool of one child."""
    return await start_pool()


@pytest.fixture
def handlers(store: LocalObjectStore, pool: SandboxPool, publisher: RememberingPublisher) -> ImageHandlers:
    """Give the handlers, composed as the service does, with a user who can read every step."""
    progress = ProgressAnnouncer(publisher, pace_seconds=0)
    return ImageHandlers(Stores(store), pool, publisher, progress, PROCESSOR_IMAGES.retry)


@pytest.fixture
def photo(photo_corpus: PhotoCorpus) -> bytes:
    """Give a good picture with GPS in it."""
    return photo_corpus.photo("jpeg_with_gps.jpg").path.read_bytes()


@pytest.fixture
def cut(photo: bytes) -> bytes:
    """Give a picture that was cut off."""
    return photo[: len(photo) // 2]


def variant_files(store: LocalObjectStore) -> list[str]:
    """Return the names of all stored variants."""
    return [name for name in files_below(store_root(store)) if "_" in Path(name).name]


async def test_the_result_tells_what_was_stored(
    handlers: ImageHandlers,
    submit: Submit,
    store: LocalObjectStore,
    publisher: RememberingPublisher,
    photo: bytes,
) -> None:
    """Each variant of the result is an object with the size that was announced, under the job's prefix."""
    job = submit(photo)
    await handlers.on_media_accepted(job, DELIVERY)
    (result,) = publisher.of("media.processed")
    assert (result.job_id, result.source) == (job.job_id, job.source)
    assert [variant.name for variant in result.variants] == ["large", "square", "thumb"]
    for variant in result.variants:
        assert variant.object.key.startswith(job.variant_prefix)
        assert len(await content_of(store, variant.object.key)) == variant.object.size_bytes
    assert b"GPS" not in await content_of(store, result.variants[0].object.key)


async def test_progress_is_announced(
    handlers: ImageHandlers, submit: Submit, publisher: RememberingPublisher, photo: bytes
) -> None:
    """Whoever waits sees the job start, decode and encode."""
    await handlers.on_media_accepted(submit(photo), DELIVERY)
    await eventually(lambda: len(publisher.of("media.progressed")) == 3)
    assert [(step.stage, step.progress) for step in publisher.of("media.progressed")] == [
        ("started", 10),
        ("decoded", 50),
        ("encoded", 80),
    ]


async def test_twice_is_once(
    handlers: ImageHandlers,
    submit: Submit,
    store: LocalObjectStore,
    publisher: RememberingPublisher,
    photo: bytes,
) -> None:
    """The same message again leaves the same objects and a result under the same id."""
    job = submit(photo)
    await handlers.on_media_accepted(job, DELIVERY)
    before = {name: (store_root(store) / name).read_bytes() for name in files_below(store_root(store))}
    await handlers.on_media_accepted(job, DELIVERY)
    after = {name: (store_root(store) / name).read_bytes() for name in files_below(store_root(store))}
    assert before == after
    assert len(variant_files(store)) == 3
    first, second = publisher.of("media.processed")
    assert first.message_id() == second.message_id()
    assert first.variants == second.variants


async def test_a_bad_file_is_rejected_and_put_away(
    handlers: ImageHandlers,
    submit: Submit,
    store: LocalObjectStore,
    publisher: RememberingPublisher,
    cut: bytes,
) -> None:
    """The verdict is published, the bytes are in quarantine, and the message again changes nothing."""
    job = submit(cut)
    await handlers.on_media_accepted(job, DELIVERY)
    await handlers.on_media_accepted(job, DELIVERY)
    (verdict,) = publisher.of("media.rejected")
    assert verdict.code == "truncated"
    assert verdict.quarantine_key == quarantine_key(job.media_id)
    assert await store.stat(job.source.key) is None
    assert await content_of(store, verdict.quarantine_key) == cut
    assert not publisher.of("media.processed")


async def test_a_verdict_that_was_not_published_is_found_again(
    handlers: ImageHandlers,
    submit: Submit,
    store: LocalObjectStore,
    publisher: RememberingPublisher,
    cut: bytes,
) -> None:
    """While the broker is away the file stays where it is, so that the next attempt can judge it."""
    job = submit(cut)
    publisher.broken = True
    with pytest.raises(ConnectionError):
        await handlers.on_media_accepted(job, DELIVERY)
    assert await store.stat(job.source.key) is not None
    publisher.broken = False
    await handlers.on_media_accepted(job, DELIVERY)
    assert [verdict.code for verdict in publisher.of("media.rejected")] == ["truncated"]


async def test_a_file_that_was_processed_before_is_not_refused(
    handlers: ImageHandlers,
    submit: Submit,
    store: LocalObjectStore,
    publisher: RememberingPublisher,
    photo: bytes,
) -> None:
    """When all variants exist, a refusal is doubted: published pictures do not vanish."""
    job = submit(photo)
    await handlers.on_media_accepted(job, DELIVERY)
    (store_root(store) / job.source.key).write_bytes(photo[:1000])
    with pytest.raises(DoubtfulVerdictError):
        await handlers.on_media_accepted(job, DELIVERY)
    assert len(variant_files(store)) == 3
    assert not publisher.of("media.rejected")


async def test_a_missing_source_is_permanent(handlers: ImageHandlers, submit: Submit, photo: bytes) -> None:
    """Trying again does not bring a file back."""
    job = submit(photo)
    await handlers.stores.local.delete(job.source.key)
    with pytest.raises(PermanentError) as failure:
        await handlers.on_media_accepted(job, DELIVERY)
    assert failure.value.code == "source_missing"


async def test_a_missing_source_of_a_finished_job_is_no_fault(
    handlers: ImageHandlers, submit: Submit, publisher: RememberingPublisher, photo: bytes
) -> None:
    """A late duplicate of a job whose original has moved on does nothing."""
    job = submit(photo)
    await handlers.on_media_accepted(job, DELIVERY)
    await handlers.stores.local.delete(job.source.key)
    await handlers.on_media_accepted(job, DELIVERY)
    assert len(publisher.of("media.processed")) == 1


async def test_nothing_is_left_when_storing_fails(
    handlers: ImageHandlers,
    submit: Submit,
    store: LocalObjectStore,
    publisher: RememberingPublisher,
    photo: bytes,
) -> None:
    """The error reaches the retry policy, scratch files are gone, and waiting users hear of the retry."""
    job = submit(photo)
    with (
        patch.object(store, "put_files", side_effect=OSError("disk trouble")),
        pytest.raises(OSError, match="disk trouble"),
    ):
        await handlers.on_media_accepted(job, DELIVERY)
    assert files_below(store_root(store)) == [job.source.key]
    await eventually(lambda: [step.stage for step in publisher.of("media.progressed")].count("retrying") == 1)


async def test_the_last_attempt_announces_no_retry(
    handlers: ImageHandlers,
    submit: Submit,
    store: LocalObjectStore,
    publisher: RememberingPublisher,
    photo: bytes,
) -> None:
    """When the policy has no attempt left, nobody is told to wait for one."""
    last = Delivery(
        "processor.images", "id", "media.accepted", "key", failures=len(PROCESSOR_IMAGES.retry.delays)
    )
    with (
        patch.object(store, "put_files", side_effect=OSError("disk trouble")),
        pytest.raises(OSError, match="disk"),
    ):
        await handlers.on_media_accepted(submit(photo), last)
    await eventually(lambda: len(publisher.of("media.progressed")) == 3)
    assert "retrying" not in {step.stage for step in publisher.of("media.progressed")}


async def test_nothing_is_left_of_a_cancelled_job(
    handlers: ImageHandlers,
    submit: Submit,
    store: LocalObjectStore,
    publisher: RememberingPublisher,
    photo: bytes,
) -> None:
    """What an attempt had stored goes, and whoever keeps the records is told where the original is."""
    job = submit(photo)
    await handlers.on_media_accepted(job, DELIVERY)
    cancelled = MediaFailed(
        media_id=job.media_id, job_id=job.job_id, user_id=job.user_id, code="cancelled", detail=""
    )
    await Cancellations(handlers.running).on_media_failed(cancelled, DELIVERY)
    await handlers.on_media_accepted(job, DELIVERY)
    assert files_below(store_root(store)) == [job.source.key]
    (word,) = publisher.of("media.rejected")
    assert (word.code, word.quarantine_key, word.quarantine_store) == ("cancelled", job.source.key, "local")


async def test_a_stopped_pool_condemns_no_file(
    handlers: ImageHandlers, pool: SandboxPool, submit: Submit, publisher: RememberingPublisher, photo: bytes
) -> None:
    """A job that meets the end of the service is left for the next process."""
    job = submit(photo)
    await pool.stop()
    with pytest.raises((RenderingFailedError, OSError)):
        await handlers.on_media_accepted(job, DELIVERY)
    assert not publisher.of("media.rejected")
