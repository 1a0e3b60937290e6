"""From a video file to its renditions, playlists and poster, in a scratch folder of its own."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import structlog

from mediamill_contracts.recipe import Lane, VideoFacts, VideoLimits, VideoRecipe
from mediamill_messaging.errors import RetryLaterError
from mediamill_processor.pipeline.placement import Box
from mediamill_processor.pipeline.verdicts import UnacceptableFileError
from mediamill_processor.sandbox.lanes import Seats
from mediamill_processor.sandbox.scratch import ScratchFolder
from mediamill_processor.video import arguments
from mediamill_processor.video.arguments import Output
from mediamill_processor.video.ffmpeg import Ffmpeg, FfmpegFailedError
from mediamill_processor.video.files import Layers, Transcoding, VideoFile
from mediamill_processor.video.picture_filters import Look
from mediamill_processor.video.playlists import name_parts, write_master
from mediamill_processor.video.probe import probe
from mediamill_processor.video.protocol import Streams
from mediamill_processor.video.sizes import rendition_size, shown_size
from mediamill_storage.keys import PLAYLIST_TYPE

_log = structlog.get_logger(__name__)

_LOST_SECONDS, _LOST_SHARE = 1.0, 0.05
"""A transcode may be shorter than the file claims by as much; a file that was cut off loses more."""
_LONGEST_SIDE = 16_382
"""Pixels; the encoder takes no more."""
_TAKES_TOO_MUCH = "the video takes too much to transcode"
_DISK_FULL = "No space left on device"
_TONE_MAPPING = frozenset({"zscale", "tonemap"})
"""Filters of ffmpeg without which HDR looks pale."""


class VideoTranscoder:
    """Transcodes with ffmpeg, below the store's root, so that what it makes is renamed into place.

    `at_once` videos at most, whoever asks; the others wait, those of the interactive lane ahead of the rest,
    and none for longer than `patience_seconds`.
    """

    def __init__(
        self, ffmpeg: Ffmpeg, root: Path, *, at_once: int = 1, patience_seconds: float = 120
    ) -> None:
        self._ffmpeg = ffmpeg
        self._patience = patience_seconds
        self._scratch = ScratchFolder(root)
        self._seats = Seats(range(at_once))
        self._maps_tones = ffmpeg.filters >= _TONE_MAPPING

    def start(self) -> None:
        """Make the scratch folder, and remove those of processes that died."""
        if not self._maps_tones:
            _log.warning("this ffmpeg cannot map tones: HDR will look pale", path=str(self._ffmpeg.program))
        self._scratch.open()

    def stop(self) -> None:
        """Remove the scratch folder."""
        self._scratch.close()

    @asynccontextmanager
    async def transcode(
        self,
        source: Path,
        media_type: str,
        recipe: VideoRecipe,
        *,
        lane: Lane,
        on_share: Callable[[float], None],
        layers: Layers | None = None,
    ) -> AsyncIterator[Transcoding]:
        """Give the files while the context lasts; `on_share` is told the share that is done, 0 to 1.

        `layers` draws what is laid over the renditions; the poster is without it.
        Raises UnacceptableFileError for the verdict on the file; any other exception says nothing about it,
        as RetryLaterError when no seat became free in time.
        """
        with self._scratch.job_folder() as folder:
            demuxer = arguments.DEMUXERS[media_type]
            found = await probe(source, demuxer, readable=source, writable=folder)
            shown = shown_size(found)
            _check(found, shown, recipe.limits)
            outputs = await self._outputs(found, shown, recipe, layers, folder)
            command = arguments.transcode(
                source,
                media_type,
                outputs,
                threads=self._ffmpeg.limits.threads,
                max_seconds=recipe.limits.max_seconds + 2 * _LOST_SECONDS,
            )
            shares = _Shares(found.duration or recipe.limits.max_seconds, on_share)
            seat = await self._seat(lane)
            try:
                async with asyncio.timeout(self._ffmpeg.limits.wall_seconds):
                    try:
                        await self._run(command, source, folder, shares.note)
                    finally:
                        self._seats.give_back(seat, lane)
                    poster_taken = asyncio.create_task(self._poster(outputs[0], source, demuxer, folder))
                    try:
                        files = [await self._verified(output, found, folder) for output in outputs]
                        poster = await poster_taken
                    finally:
                        await _end(poster_taken)
                    if recipe.hls:
                        files += await self._playlists(files, folder, recipe.revision)
            except TimeoutError:
                raise UnacceptableFileError("resource_limit", _TAKES_TOO_MUCH) from None
            yield Transcoding(_facts(found, files[0]), tuple(files), poster)

    async def _seat(self, lane: Lane) -> int:
        """Wait for a seat, but not until a broker takes the message for lost."""
        try:
            async with asyncio.timeout(self._patience):
                return await self._seats.take(lane)
        except TimeoutError:
            raise RetryLaterError(0, "other transcodes take their time", counts=False) from None

    async def _outputs(
        self, found: Streams, shown: Box, recipe: VideoRecipe, layers: Layers | None, folder: Path
    ) -> list[Output]:
        """Plan the renditions, and bring what is laid over them to where ffmpeg reads it."""
        transfer = found.transfer if self._maps_tones else "sdr"
        sizes = {rendition.name: rendition_size(shown, rendition) for rendition in recipe.renditions}
        marks: dict[str, str] = {}
        if layers is not None:
            async with layers(sizes) as drawn:
                for name, layer in drawn.items():
                    marks[name] = layer.rename(folder / f"{name}_mark").name
        return [
            Output(
                rendition,
                folder / rendition.name,
                Look(
                    sizes[rendition.name],
                    transfer,
                    marks.get(rendition.name),
                    found.matrix if transfer == "sdr" else "bt709",
                ),
            )
            for rendition in recipe.renditions
        ]

    async def _run(
        self,
        command: list[str],
        source: Path,
        folder: Path,
        on_second: Callable[[float], None] | None = None,
    ) -> None:
        try:
            await self._ffmpeg.run(command, readable=source, writable=folder, on_second=on_second)
        except FfmpegFailedError as failure:
            raise _verdict(failure) from failure

    async def _verified(self, output: Output, source: Streams, folder: Path) -> VideoFile:
        """Open what was made, decode its first picture, and compare its length with what was claimed."""
        path = output.target
        made = await probe(path, "mov", readable=folder, writable=folder)
        duration = made.duration or 0
        claimed = source.duration or duration
        if duration <= 0 or duration < claimed - max(_LOST_SECONDS, claimed * _LOST_SHARE):
            raise UnacceptableFileError(
                "truncated", f"claims {claimed:.1f} s, but only {duration:.1f} s can be played"
            )
        return VideoFile(
            path.name,
            path,
            "video/mp4",
            made.width,
            made.height,
            round(duration * 1000),
            watermarked=output.look.mark is not None,
        )

    async def _poster(self, output: Output, source: Path, demuxer: str, folder: Path) -> Path:
        """Take the first picture that is not black; of an all black video, the first.

        It comes from the rendition, or, where that is marked, from the source: the poster is a picture that
        gets a mark of its own, or none.
        """
        target = folder / "poster.png"
        is_marked = output.look.mark is not None
        video, look = (source, output.look) if is_marked else (output.target, None)
        for skip_black in (True, False):
            command = arguments.poster(
                video, demuxer if is_marked else "mov", look, target, skip_black=skip_black
            )
            await self._run(command, video, folder)
            if target.exists():
                return target
        raise UnacceptableFileError("corrupt", "no picture of the video can be shown")

    async def _playlists(self, files: list[VideoFile], folder: Path, revision: int) -> list[VideoFile]:
        """Repack every rendition, and list them all in a master playlist."""
        made: list[VideoFile] = []
        for file in files:
            playlist, data = folder / f"hls_{file.name}.m3u8", folder / f"hls_{file.name}_data.mp4"
            await self._ffmpeg.run(arguments.hls(file.path, playlist, data), readable=folder, writable=folder)
            name_parts(playlist, data, revision)
            made.append(replace(file, name=playlist.stem, path=playlist, media_type=PLAYLIST_TYPE))
            made.append(replace(file, name=data.stem, path=data))
        master = folder / "hls.m3u8"
        write_master(master, {f"hls_{file.name}": file for file in files}, revision)
        return [replace(files[0], name=master.stem, path=master, media_type=PLAYLIST_TYPE), *made]


async def _end(task: asyncio.Task[Path]) -> None:
    """Have a task gone, with the process that it runs."""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


class _Shares:
    """Turns seconds of output into the share that is done, which never falls."""

    def __init__(self, total_seconds: float, on_share: Callable[[float], None]) -> None:
        self._total = total_seconds
        self._on_share = on_share
        self._told = 0.0

    def note(self, second: float) -> None:
        share = min(second / self._total, 1.0)
        if share > self._told:
            self._told = share
            self._on_share(share)


def _check(found: Streams, shown: Box, limits: VideoLimits) -> None:
    """Refuse what would cost too much, before it costs anything."""
    if max(found.width * found.height, shown.width * shown.height) > limits.max_pixels:
        raise UnacceptableFileError(
            "too_many_pixels", f"{shown.width} by {shown.height} pixels; {limits.max_pixels:,} are allowed"
        )
    if max(shown.width, shown.height) > _LONGEST_SIDE:
        raise UnacceptableFileError(
            "side_too_long", f"{shown.width} by {shown.height} pixels; {_LONGEST_SIDE:,} a side are allowed"
        )
    if found.duration is not None and found.duration > limits.max_seconds:
        raise UnacceptableFileError(
            "too_long", f"{found.duration:.0f} s long; {limits.max_seconds:g} s are allowed"
        )
    if found.frames_per_second > limits.max_frames_per_second:
        raise UnacceptableFileError(
            "too_many_frames",
            f"{found.frames_per_second:.0f} frames a second; {limits.max_frames_per_second:g} are allowed",
        )


def _verdict(failure: FfmpegFailedError) -> UnacceptableFileError | FfmpegFailedError:
    """Tell what is the file's fault, as a limit that it hit, from a full disk or a kill, which are not."""
    if failure.cause == "limit":
        return UnacceptableFileError("resource_limit", _TAKES_TOO_MUCH)
    if failure.cause == "killed" or _DISK_FULL in failure.words:
        return failure
    return UnacceptableFileError("corrupt", "the video cannot be decoded")


def _facts(found: Streams, first: VideoFile) -> VideoFacts:
    return VideoFacts(
        duration_ms=first.duration_ms,
        frames_per_second=found.frames_per_second,
        video_codec=found.video_codec,
        audio_codec=found.audio_codec,
    )
