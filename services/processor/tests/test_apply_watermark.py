"""Variants of a stored medium are made again with a mark or without it, beside those in use."""

from hashlib import sha256
from io import BytesIO
from typing import Any
from uuid import uuid4

import pytest
from PIL import Image, ImageChops

from mediamill_contracts.media import MediaAccepted
from mediamill_contracts.recipe import ObjectRef, Watermark
from mediamill_contracts.storage import S3Location
from mediamill_contracts.topology import PROCESSOR_IMAGES
from mediamill_contracts.watermark import RequestWatermark, WatermarkApplied, WatermarkCancelled
from mediamill_processor.handlers import Cancellations, ImageHandlers, WatermarkHandler
from mediamill_processor.progress import ProgressAnnouncer
from mediamill_processor.sandbox.answers import RenderingFailedError
from mediamill_processor.video.transcoder import VideoTranscoder
from mediamill_storage.local import LocalObjectStore
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

TEXT = Watermark(text="© <b>Mediamill</b> & Söhne", opacity=1, scale=0.8, position="center")


@pytest.fixture
async def handler(
    store: LocalObjectStore,
    start_pool: StartPool,
    transcoder: VideoTranscoder,
    publisher: RememberingPublisher,
) -> WatermarkHandler:
    """Give a handler with a real pool."""
    return WatermarkHandler(Stores(store), await start_pool(), transcoder, publisher)


def requested(job: MediaAccepted, watermark: Watermark | None, **changes: Any) -> RequestWatermark:
    """Return the request to make the job's variants again."""
    request = RequestWatermark(
        media_id=job.media_id,
        job_id=uuid4(),
        user_id=job.user_id,
        parent_job_id=uuid4(),
        source=job.source,
        variant_prefix=f"{job.variant_prefix}_again",
        recipe=job.recipe.model_copy(update={"watermark": watermark}),
    )
    return request.model_copy(update=changes)


async def pixels_of(store: LocalObjectStore, result: WatermarkApplied) -> dict[str, Image.Image]:
    """Return the variants by name."""
    return {
        variant.name: Image.open(BytesIO(await content_of(store, variant.object.key))).convert("RGB")
        for variant in result.variants
    }


@pytest.fixture
def photo(photo_corpus: PhotoCorpus) -> bytes:
    """Give a photo."""
    return photo_corpus.photo("jpeg_baseline.jpg").path.read_bytes()


async def test_marked_variants_are_stored_beside_the_others(
    handler: WatermarkHandler,
    submit: Submit,
    store: LocalObjectStore,
    publisher: RememberingPublisher,
    photo: bytes,
) -> None:
    """Each variant shows the mark; the original is untouched and nothing is replaced. Again: the same."""
    job = submit(photo)
    without = requested(job, None)
    marked = requested(job, TEXT, variant_prefix=f"{job.variant_prefix}_marked")
    for request in (without, marked, marked):
        await handler.on_watermark_requested(request, DELIVERY)
    plain, first, second = publisher.of("watermark.applied")
    assert first == second
    assert [variant.watermarked for variant in first.variants] == [True] * 3
    assert not any(variant.watermarked for variant in plain.variants)
    before, after = await pixels_of(store, plain), await pixels_of(store, first)
    for name, picture in after.items():
        assert picture.size == before[name].size
        assert ImageChops.difference(picture, before[name]).convert("L").point(lambda v: v > 60).getbbox()
    assert await content_of(store, job.source.key) == photo
    assert len(files_below(store_root(store))) == 1 + 2 * len(RECIPE.variants)


async def test_orders_of_a_cancelled_job_are_dropped(
    handler: WatermarkHandler,
    submit: Submit,
    store: LocalObjectStore,
    publisher: RememberingPublisher,
    photo: bytes,
) -> None:
    """They cost nothing any more, and what an order has made before stays: it may be in use."""
    done = requested(submit(photo), TEXT)
    await handler.on_watermark_requested(done, DELIVERY)
    before = files_below(store_root(store))
    cancelled = WatermarkCancelled(parent_job_id=done.parent_job_id)
    await Cancellations(handler.running).on_watermark_cancelled(cancelled, DELIVERY)
    for order in (done, done.model_copy(update={"job_id": uuid4(), "variant_prefix": "permanent/other"})):
        await handler.on_watermark_requested(order, DELIVERY)
    assert len(publisher.of("watermark.applied")) == 1
    assert files_below(store_root(store)) == before


async def test_the_upload_recipe_marks_while_variants_are_made(
    handler: WatermarkHandler, submit: Submit, publisher: RememberingPublisher, photo: bytes
) -> None:
    """A recipe with an image mark for one variant marks that one, on the first way through."""
    logo = BytesIO()
    Image.new("RGBA", (64, 32), (255, 0, 0, 255)).save(logo, "PNG")
    image = submit(logo.getvalue(), "image/png").source
    recipe = RECIPE.model_copy(update={"watermark": Watermark(image=image, variants=("large",))})
    images = ImageHandlers(
        handler.stores, handler.renderer, publisher, ProgressAnnouncer(publisher), PROCESSOR_IMAGES.retry
    )
    await images.on_media_accepted(submit(photo, recipe=recipe), DELIVERY)
    (result,) = publisher.of("media.processed")
    assert {variant.name: variant.watermarked for variant in result.variants} == {
        "large": True,
        "square": False,
        "thumb": False,
    }


async def test_a_mark_that_is_gone_is_never_left_out(
    handler: WatermarkHandler, submit: Submit, publisher: RememberingPublisher, photo: bytes
) -> None:
    """Without the mark's image there are no variants, marked or not, and the result says why."""
    gone = ObjectRef(key="permanent/gone.png", size_bytes=1, sha256="0" * 64, media_type="image/png")
    await handler.on_watermark_requested(requested(submit(photo), Watermark(image=gone)), DELIVERY)
    (result,) = publisher.of("watermark.applied")
    assert (result.code, result.variants) == ("watermark_missing", ())


async def test_a_broken_mark_is_no_verdict_on_the_picture(
    handler: WatermarkHandler, submit: Submit, publisher: RememberingPublisher, photo: bytes
) -> None:
    """The attempt fails, and the picture is not called unacceptable."""
    broken = submit(b"\x89PNG\r\n\x1a\n broken", "image/png").source
    with pytest.raises(RenderingFailedError, match="UnusableMarkError"):
        await handler.on_watermark_requested(requested(submit(photo), Watermark(image=broken)), DELIVERY)
    assert publisher.messages == []


async def test_an_original_that_cannot_be_read_is_told_with_its_code(
    handler: WatermarkHandler, submit: Submit, publisher: RememberingPublisher, photo: bytes
) -> None:
    """The result says why, and nothing is stored."""
    job = submit(photo[: len(photo) // 2])
    await handler.on_watermark_requested(requested(job, TEXT), DELIVERY)
    (result,) = publisher.of("watermark.applied")
    assert (result.code, result.variants) == ("truncated", ())


async def test_an_original_that_is_gone_is_told_with_its_code(
    handler: WatermarkHandler,
    submit: Submit,
    store: LocalObjectStore,
    publisher: RememberingPublisher,
    photo: bytes,
) -> None:
    """Whoever keeps the records knows whether it is lost or has moved."""
    job = submit(photo)
    await store.delete(job.source.key)
    await handler.on_watermark_requested(requested(job, TEXT), DELIVERY)
    (result,) = publisher.of("watermark.applied")
    assert (result.code, result.variants) == ("source_missing", ())


async def test_both_stores_get_the_variants(
    handler: WatermarkHandler,
    submit: Submit,
    store: LocalObjectStore,
    publisher: RememberingPublisher,
    photo: bytes,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """A medium that is in two places is marked in two places, with the same bytes."""
    second = LocalObjectStore(tmp_path_factory.mktemp("second"), fsync=False)

    class Provider:
        def at(self, _location: object) -> LocalObjectStore:
            return second

    job = submit(photo)
    recipe = job.recipe.model_copy(
        update={"strategy": "both", "s3": S3Location(bucket="any"), "watermark": TEXT}
    )
    both = WatermarkHandler(Stores(store, Provider()), handler.renderer, handler.transcoder, publisher)
    await both.on_watermark_requested(requested(job, TEXT).model_copy(update={"recipe": recipe}), DELIVERY)
    (result,) = publisher.of("watermark.applied")
    assert result.stored_in == ("local", "s3")
    for variant in result.variants:
        content = await content_of(second, variant.object.key)
        assert content == await content_of(store, variant.object.key)
        assert sha256(content).hexdigest() == variant.object.sha256
    await second.close()
