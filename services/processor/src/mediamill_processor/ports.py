"""What the use cases need from outside, as protocols."""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from mediamill_contracts.media import MediaAccepted, Stage
from mediamill_contracts.recipe import Lane, PictureFacts, Recipe, VariantSpec, VideoRecipe, Watermark
from mediamill_processor.pipeline.placement import Box
from mediamill_processor.video.files import Layers, Transcoding


@dataclass(frozen=True)
class RenderedVariant:
    """A variant as a file; width and height in pixels."""

    spec: VariantSpec
    path: Path
    width: int
    height: int
    frames: int


@dataclass(frozen=True)
class Step:
    """A step of the rendering, and its begin and end in nanoseconds since the Unix epoch."""

    name: str
    started_ns: int
    ended_ns: int


@dataclass(frozen=True)
class Rendering:
    """What became of an original."""

    facts: PictureFacts
    variants: tuple[RenderedVariant, ...]
    steps: tuple[Step, ...]


class Renderer(Protocol):
    """Makes variants of a picture without endangering the process that asks."""

    def render(
        self,
        source: Path,
        media_type: str,
        recipe: Recipe,
        *,
        lane: Lane,
        on_decoded: Callable[[], None],
        mark: Path | None = None,
    ) -> AbstractAsyncContextManager[Rendering]:
        """Give the variants' files while the context lasts; they may be moved away.

        Paths are absolute; `mark` is the file of the recipe's image mark.

        Raises UnacceptableFileError for the verdict on the file; any other exception says nothing about it.
        """

    def draw(
        self, watermark: Watermark, sizes: Mapping[str, Box], *, lane: Lane, mark: Path | None = None
    ) -> AbstractAsyncContextManager[Mapping[str, Path]]:
        """Give a PNG with the mark alone for each size, by name, while the context lasts; they may be moved.

        An exception says nothing about the file that the mark is laid over.
        """


class Transcoder(Protocol):
    """Makes renditions and a poster of a video without endangering the process that asks."""

    def transcode(
        self,
        source: Path,
        media_type: str,
        recipe: VideoRecipe,
        *,
        lane: Lane,
        on_share: Callable[[float], None],
        layers: Layers | None = None,
    ) -> AbstractAsyncContextManager[Transcoding]:
        """Give the files while the context lasts; `on_share` is told the share that is done, 0 to 1.

        `layers` draws what is laid over the renditions; the poster is without it.

        Raises UnacceptableFileError for the verdict on the file; any other exception says nothing about it.
        """


class Progress(Protocol):
    """Tells whoever listens how far a job is; never fails, never makes the job wait."""

    def report(self, job: MediaAccepted, stage: Stage, percent: int, attempt: int) -> None:
        """Announce that `job` reached `stage`."""

    def end(self, job: MediaAccepted) -> None:
        """Know that this attempt at `job` is over: its steps are no news any more."""
