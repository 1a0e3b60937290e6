"""Where the objects of a medium are put, by its strategy, and what happens when S3 does not take them."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from unittest.mock import patch

import pytest

from mediamill_contracts.media import MediaAccepted
from mediamill_contracts.recipe import StorageStrategy, Store
from mediamill_contracts.storage import S3Location
from mediamill_contracts.topology import PROCESSOR_IMAGES
from mediamill_processor.handlers import ImageHandlers
from mediamill_processor.progress import ProgressAnnouncer
from mediamill_storage.keys import quarantine_key
from mediamill_storage.local import LocalObjectStore
from mediamill_storage.object_store import ObjectStore, StorageFullError, StoreUnavailableError
from mediamill_storage.s3 import S3Credentials
from mediamill_storage.s3.store import S3ObjectStore
from mediamill_storage.stores import Stores
from mediamill_testing.photos import PhotoCorpus

from .conftest import (
    DELIVERY,
    RECIPE,
    RememberingPublisher,
    StartPool,
    Submit,
    content_of,
    files_below,
    store_root,
)

AWAY = StoreUnavailableError("unreachable", "the test says so")
SubmitAs = Callable[..., MediaAccepted]


@dataclass(frozen=True)
class OneBucket:
    """An S3Provider that has the same store at every location."""

    store: ObjectStore

    def at(self, _location: S3Location) -> ObjectStore:
        """Return the store."""
        return self.store


@pytest.fixture
async def bucket(
    s3_location: S3Location, s3_credentials: S3Credentials, store: LocalObjectStore
) -> AsyncIterator[S3ObjectStore]:
    """Give an empty bucket on a real server."""
    bucket = S3ObjectStore(s3_location, s3_credentials, scratch=store.temporaries)
    yield bucket
    await bucket.close()


@pytest.fixture
async def handlers(
    store: LocalObjectStore, bucket: S3ObjectStore, start_pool: StartPool, publisher: RememberingPublisher
) -> ImageHandlers:
    """Give the handlers, composed as the service does."""
    stores = Stores(store, OneBucket(bucket))
    return ImageHandlers(
        stores, await start_pool(), publisher, ProgressAnnouncer(publisher), PROCESSOR_IMAGES.retry
    )


@pytest.fixture
def photo(photo_corpus: PhotoCorpus) -> bytes:
    """Give a good picture."""
    return photo_corpus.photo("jpeg_with_gps.jpg").path.read_bytes()


@pytest.fixture
def submit_as(submit: Submit, s3_location: S3Location) -> SubmitAs:
    """Give a function that puts a picture into the local store, for a job with a strategy."""

    def submit_as(content: bytes, strategy: StorageStrategy) -> MediaAccepted:
        recipe = RECIPE.model_copy(update={"strategy": strategy, "s3": s3_location})
        return submit(content, recipe=recipe)

    return submit_as


async def _bring(job: MediaAccepted, store: LocalObjectStore, bucket: S3ObjectStore) -> MediaAccepted:
    """Let the source be in S3 instead, as after a presigned upload."""
    content = await content_of(store, job.source.key)
    await bucket.put_stream(job.source.key, _chunks(content), media_type="image/jpeg")
    await store.delete(job.source.key)
    return job.model_copy(update={"source": job.source.model_copy(update={"store": "s3"})})


async def _chunks(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def _keys_in(store: ObjectStore) -> set[str]:
    return {found.key async for found in store.list("")}


def _objects_of(job: MediaAccepted) -> set[str]:
    prefix = job.variant_prefix
    return {job.source.key, f"{prefix}_large.webp", f"{prefix}_square.webp", f"{prefix}_thumb.jpg"}


@pytest.mark.parametrize(
    ("strategy", "source", "stored_in"),
    [
        ("local_only", "local", ("local",)),
        ("local_first", "local", ("local",)),
        ("s3_only", "local", ("s3",)),
        ("both", "local", ("local", "s3")),
        ("local_only", "s3", ("local",)),
        ("s3_only", "s3", ("s3",)),
        ("both", "s3", ("local", "s3")),
    ],
)
async def test_all_objects_are_where_the_result_says(
    handlers: ImageHandlers,
    submit_as: SubmitAs,
    store: LocalObjectStore,
    bucket: S3ObjectStore,
    publisher: RememberingPublisher,
    photo: bytes,
    strategy: StorageStrategy,
    source: Store,
    stored_in: tuple[Store, ...],
) -> None:
    """Original and variants in every store of the strategy, wherever the upload came to; twice is once."""
    job = submit_as(photo, strategy)
    if source == "s3":
        job = await _bring(job, store, bucket)
    for _ in range(2):
        await handlers.on_media_accepted(job, DELIVERY)
    first, second = publisher.of("media.processed")
    assert first.stored_in == second.stored_in == stored_in
    assert first.variants == second.variants
    places: dict[Store, ObjectStore] = {"local": store, "s3": bucket}
    for name in stored_in:
        assert await _keys_in(places[name]) == _objects_of(job)
        assert await content_of(places[name], job.source.key) == photo
    for name in places.keys() - set(stored_in):
        assert await _keys_in(places[name]) == ({job.source.key} if name == source else set())


@pytest.mark.parametrize("strategy", ["s3_only", "both"])
async def test_without_s3_the_medium_is_kept_locally(
    handlers: ImageHandlers,
    submit_as: SubmitAs,
    store: LocalObjectStore,
    bucket: S3ObjectStore,
    publisher: RememberingPublisher,
    photo: bytes,
    strategy: StorageStrategy,
) -> None:
    """S3 being away costs nobody a picture, and the result tells the truth about where it is."""
    job = submit_as(photo, strategy)
    with patch.object(bucket, "put_files", side_effect=AWAY):
        await handlers.on_media_accepted(job, DELIVERY)
    (result,) = publisher.of("media.processed")
    assert result.stored_in == ("local",)
    assert set(files_below(store_root(store))) == _objects_of(job)


async def test_credentials_that_are_missing_cost_no_picture_either(
    handlers: ImageHandlers, submit_as: SubmitAs, publisher: RememberingPublisher, photo: bytes
) -> None:
    """A worker that was not given access to S3 keeps media where it can."""
    blind = ImageHandlers(
        Stores(handlers.stores.local), handlers.renderer, publisher, handlers.progress, handlers.retry
    )
    await blind.on_media_accepted(submit_as(photo, "both"), DELIVERY)
    assert publisher.of("media.processed")[0].stored_in == ("local",)


async def test_a_full_disk_fails_the_attempt_and_leaves_no_upload_behind(
    handlers: ImageHandlers, submit_as: SubmitAs, store: LocalObjectStore, photo: bytes
) -> None:
    """What cannot be kept locally is tried again, and no scratch file is left."""
    job = submit_as(photo, "both")
    with (
        patch.object(store, "put_files", side_effect=StorageFullError("full")),
        pytest.raises(StorageFullError),
    ):
        await handlers.on_media_accepted(job, DELIVERY)
    assert files_below(store_root(store)) == [job.source.key]


async def test_a_source_in_s3_that_cannot_be_stored_is_tried_again(
    handlers: ImageHandlers,
    submit_as: SubmitAs,
    store: LocalObjectStore,
    bucket: S3ObjectStore,
    photo: bytes,
) -> None:
    """Where local storage is no place for a medium and has no copy of it, the job waits for S3."""
    job = await _bring(submit_as(photo, "s3_only"), store, bucket)
    with patch.object(bucket, "put_files", side_effect=AWAY), pytest.raises(StoreUnavailableError):
        await handlers.on_media_accepted(job, DELIVERY)


async def test_a_refused_source_in_s3_is_put_away_there(
    handlers: ImageHandlers,
    submit_as: SubmitAs,
    store: LocalObjectStore,
    bucket: S3ObjectStore,
    publisher: RememberingPublisher,
    photo: bytes,
) -> None:
    """Quarantine is in the store that the bytes came to; the message again finds the matter settled."""
    job = await _bring(submit_as(photo[: len(photo) // 2], "both"), store, bucket)
    for _ in range(2):
        await handlers.on_media_accepted(job, DELIVERY)
    assert len(publisher.of("media.rejected")) == 1
    assert await _keys_in(bucket) == {quarantine_key(job.media_id)}
    assert files_below(store_root(store)) == []


async def test_a_repeated_job_whose_source_has_moved_on_is_done(
    handlers: ImageHandlers, submit_as: SubmitAs, publisher: RememberingPublisher, photo: bytes
) -> None:
    """With `s3_only` the local original goes once the medium is ready; a late duplicate finds it in S3."""
    job = submit_as(photo, "s3_only")
    await handlers.on_media_accepted(job, DELIVERY)
    await handlers.stores.local.delete(job.source.key)
    await handlers.on_media_accepted(job, DELIVERY)
    assert len(publisher.of("media.processed")) == 1
