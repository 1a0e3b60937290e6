"""A video whose upload recipe has a watermark, from the job to what is stored, with all children confined."""

from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import av
import pytest
from PIL import Image

from mediamill_contracts.recipe import ObjectRef, Rendition, VariantSpec, VideoRecipe, Watermark
from mediamill_contracts.topology import PROCESSOR_VIDEOS
from mediamill_contracts.watermark import RequestWatermark
from mediamill_messaging.errors import PermanentError
from mediamill_processor.handlers import VideoHandlers, WatermarkHandler
from mediamill_processor.progress import ProgressAnnouncer
from mediamill_processor.video.binary import find_ffmpeg
from mediamill_processor.video.transcoder import VideoTranscoder
from mediamill_storage.local import LocalObjectStore
from mediamill_storage.stores import Stores
from mediamill_testing.videos import VideoKit

from .conftest import DELIVERY, RECIPE, RememberingPublisher, StartPool, Submit, content_of

BRIGHT = 150
FILM = RECIPE.model_copy(
    update={
        "variants": (
            VariantSpec(name="poster", width=320, height=320, format="png"),
            VariantSpec(name="thumb", width=160, height=160, format="png"),
        ),
        "video": VideoRecipe(renditions=(Rendition(name="video", preset="ultrafast"),)),
        "watermark": Watermark(text="MMMM", opacity=1, scale=0.5, margin=0, variants=("video", "poster")),
    }
)


@pytest.fixture
async def handlers(
    store: LocalObjectStore,
    start_pool: StartPool,
    transcoder: VideoTranscoder,
    publisher: RememberingPublisher,
) -> VideoHandlers:
    """Give the handlers of the video lane, composed as the service does."""
    pool, progress = await start_pool(), ProgressAnnouncer(publisher)
    return VideoHandlers(
        Stores(store), pool, publisher, progress, PROCESSOR_VIDEOS.retry, transcoder=transcoder
    )


@pytest.fixture
def film(tmp_path: Path) -> bytes:
    """Give a dark video of 320 by 240 pixels, half a second long."""
    kit = VideoKit(find_ffmpeg())
    return kit.make(tmp_path / "film.mp4", seconds=0.5, filters="drawbox=color=0x404040:t=fill").read_bytes()


def bright_part(picture: Image.Image) -> tuple[int, int, int, int] | None:
    """Return left, top, right and bottom of what is brighter than the video."""
    return picture.convert("L").point(lambda value: 255 if value > BRIGHT else 0).getbbox()


async def test_chosen_renditions_and_posters_are_marked(
    handlers: VideoHandlers,
    submit: Submit,
    store: LocalObjectStore,
    publisher: RememberingPublisher,
    film: bytes,
) -> None:
    """Both show the text at the same place, the lower right; the thumbnail and the original are bare."""
    job = submit(film, "video/mp4", recipe=FILM).model_copy(update={"kind": "video"})
    await handlers.on_media_accepted(job, DELIVERY)
    (result,) = publisher.of("media.processed")
    marked = {variant.name: variant.watermarked for variant in result.variants}
    assert marked == {"video": True, "poster": True, "thumb": False}
    pictures: dict[str, Any] = {}
    for variant in result.variants:
        content = BytesIO(await content_of(store, variant.object.key))
        if variant.name == "video":
            with av.open(content, mode="r") as container:
                pictures[variant.name] = next(container.decode(video=0)).to_image()
        else:
            pictures[variant.name] = Image.open(content)
    box, of_poster = bright_part(pictures["video"]), bright_part(pictures["poster"])
    assert box is not None
    assert of_poster is not None
    assert (box[0], box[2]) >= (150, 300)
    assert box[1] > 120
    assert all(abs(one - other) <= 3 for one, other in zip(box, of_poster, strict=True))
    assert bright_part(pictures["thumb"]) is None
    assert await content_of(store, job.source.key) == film


async def test_a_video_is_not_published_without_its_mark(
    handlers: VideoHandlers, submit: Submit, publisher: RememberingPublisher, film: bytes
) -> None:
    """When the mark's image is gone, the job fails with a code, before anything is transcoded."""
    gone = ObjectRef(key="permanent/gone.png", size_bytes=1, sha256="0" * 64, media_type="image/png")
    recipe = FILM.model_copy(update={"watermark": Watermark(image=gone)})
    job = submit(film, "video/mp4", recipe=recipe).model_copy(update={"kind": "video"})
    with pytest.raises(PermanentError, match="watermark_missing"):
        await handlers.on_media_accepted(job, DELIVERY)
    assert publisher.of("media.processed") == []


async def test_a_video_is_made_again_without_its_mark(
    handlers: VideoHandlers,
    submit: Submit,
    store: LocalObjectStore,
    publisher: RememberingPublisher,
    film: bytes,
) -> None:
    """All of it is bare, and playlists name their parts by addresses that no cache has yet."""
    job = submit(film, "video/mp4")
    video = VideoRecipe(renditions=(Rendition(name="video", preset="ultrafast"),), hls=True, revision=1)
    request = RequestWatermark(
        media_id=job.media_id,
        job_id=uuid4(),
        user_id=job.user_id,
        parent_job_id=uuid4(),
        source=job.source,
        variant_prefix=f"{job.variant_prefix}_again",
        recipe=FILM.model_copy(update={"watermark": None, "video": video}),
    )
    handler = WatermarkHandler(handlers.stores, handlers.renderer, handlers.transcoder, publisher)
    await handler.on_watermark_requested(request, DELIVERY)
    (result,) = publisher.of("watermark.applied")
    contents = {each.name: await content_of(store, each.object.key) for each in result.variants}
    assert contents.keys() == {"video", "hls", "hls_video", "hls_video_data", "poster", "thumb"}
    assert not any(variant.watermarked for variant in result.variants)
    assert bright_part(Image.open(BytesIO(contents["poster"]))) is None
    assert b"\nhls_video?v=1\n" in contents["hls"]
    assert b'URI="hls_video_data?v=1"' in contents["hls_video"]
