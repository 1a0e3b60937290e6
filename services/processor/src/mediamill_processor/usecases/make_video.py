"""Makes what a recipe asks for of a video: renditions, playlists, and the pictures that stand for it.

The poster is a picture like any other, so it takes the way of pictures, and gets a mark of its own, or none.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from mediamill_contracts.recipe import Lane, PictureFacts, Recipe, VideoFacts
from mediamill_messaging.errors import PermanentError
from mediamill_processor.ports import Renderer, Transcoder
from mediamill_processor.usecases.mark_layers import mark_layers
from mediamill_processor.usecases.products import MadeFile
from mediamill_processor.usecases.render_image import made_files
from mediamill_processor.video.files import VideoFile


@dataclass(frozen=True)
class MadeVideo:
    """What became of a video; `picture` is what its poster is."""

    facts: VideoFacts
    picture: PictureFacts
    files: Sequence[MadeFile]


@asynccontextmanager
async def make_video(
    source: Path,
    media_type: str,
    recipe: Recipe,
    *,
    transcoder: Transcoder,
    renderer: Renderer,
    lane: Lane,
    mark: Path | None,
    on_share: Callable[[float], None],
) -> AsyncIterator[MadeVideo]:
    """Give the files while the context lasts; `mark` is the file of the recipe's image mark.

    Raises UnacceptableFileError, and PermanentError(`no_video_recipe`) where it is not said what to make.
    """
    if recipe.video is None:
        raise PermanentError("no_video_recipe", "the job does not say what to make of a video")
    layers = mark_layers(recipe, renderer, lane=lane, mark=mark)
    async with (
        transcoder.transcode(
            source, media_type, recipe.video, lane=lane, on_share=on_share, layers=layers
        ) as transcoding,
        renderer.render(
            transcoding.poster, "image/png", recipe, lane=lane, on_decoded=lambda: None, mark=mark
        ) as poster,
    ):
        files = [*map(_made, transcoding.files), *made_files(poster, recipe)]
        yield MadeVideo(transcoding.facts, poster.facts, files)


def _made(file: VideoFile) -> MadeFile:
    return MadeFile(
        file.name,
        file.path,
        file.media_type,
        file.width,
        file.height,
        duration_ms=file.duration_ms,
        watermarked=file.watermarked,
    )
