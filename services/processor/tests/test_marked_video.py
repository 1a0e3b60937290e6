"""A video whose upload recipe has a watermark, from the job to what is stored, with all children confined."""

from io import BytesIO
from pathlib import Path
from typing import Any

import av
import pytest
from PIL import Image

from mediamill_contracts.recipe import ObjectRef, Rendition, VariantSpec, VideoRecipe, Watermark
from mediamill_contracts.topology import PROCESSOR_VIDEOS
from mediamill_messaging.errors import PermanentError
from mediamill_processor.handlers import VideoHandlers
from mediamill_processor.progress import ProgressAnnouncer
from mediamill_processor.video.binary import filters_of, find_ffmpeg
from mediamill_processor.video.ffmpeg import Ffmpeg, FfmpegLimits
from mediamill_processor.video.transcoder import VideoTranscoder
from mediamill_storage.local import LocalObjectStore
from mediamill_storage.stores import Stores
from mediamill_testing.videos import VideoKit

from .conftest import DELIVERY, RECIPE, RememberingPublisher, StartPool, Submit, content_of, store_root

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
    store: LocalObjectStore, start_pool: StartPool, publisher: RememberingPublisher
) -> VideoHandlers:
    """Give the handlers of the video lane, composed as the service does."""
    pool = await start_pool()
    program = find_ffmpeg()
    limits = FfmpegLimits(
        cpu_seconds=60,
        wall_seconds=60,
        memory_bytes=1_500_000_000,
        file_bytes=100_000_000,
        niceness=0,
        threads=1,
    )
    transcoder = VideoTranscoder(Ffmpeg(program, limits, filters_of(program)), store_root(store))
    transcoder.start()
    progress = ProgressAnnouncer(publisher)
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
