"""From a video file to its renditions, playlists and poster, in a scratch folder of its own."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from mediamill_contracts.recipe import VideoFacts, VideoLimits, VideoRecipe
from mediamill_processor.pipeline.verdicts import UnacceptableFileError
from mediamill_processor.sandbox.scratch import ScratchFolder
from mediamill_processor.video import arguments
from mediamill_processor.video.ffmpeg import Ffmpeg, FfmpegFailedError
from mediamill_processor.video.files import Transcoding, VideoFile
from mediamill_processor.video.playlists import name_parts, write_master
from mediamill_processor.video.probe import probe
from mediamill_processor.video.protocol import Streams
from mediamill_storage.keys import PLAYLIST_TYPE

_LOST_SECONDS, _LOST_SHARE = 1.0, 0.05
"""A transcode may be shorter than the file claims by as much; a file that was cut off loses more."""
_DISK_FULL = "No space left on device"


class VideoTranscoder:
    """Transcodes with ffmpeg, below the store's root, so that what it makes is renamed into place."""

    def __init__(self, ffmpeg: Ffmpeg, root: Path) -> None:
        self._ffmpeg = ffmpeg
        self._scratch = ScratchFolder(root)

    def start(self) -> None:
        """Make the scratch folder, and remove those of processes that died."""
        self._scratch.open()

    def stop(self) -> None:
        """Remove the scratch folder."""
        self._scratch.close()

    @asynccontextmanager
    async def transcode(
        self, source: Path, media_type: str, recipe: VideoRecipe, *, on_share: Callable[[float], None]
    ) -> AsyncIterator[Transcoding]:
        """Give the files while the context lasts; `on_share` is told the share that is done, 0 to 1.

        Raises UnacceptableFileError for the verdict on the file; any other exception says nothing about it.
        """
        with self._scratch.job_folder() as folder:
            demuxer = arguments.DEMUXERS[media_type]
            found = await probe(source, demuxer, readable=source, writable=folder)
            _check(found, recipe.limits)
            targets = {folder / rendition.name: rendition for rendition in recipe.renditions}
            command = arguments.transcode(
                source,
                media_type,
                targets,
                threads=self._ffmpeg.limits.threads,
                max_seconds=recipe.limits.max_seconds + 2 * _LOST_SECONDS,
            )
            shares = _Shares(found.duration or recipe.limits.max_seconds, on_share)
            await self._encode(command, source, folder, shares)
            files = [await self._verified(path, found, folder) for path in targets]
            poster = await self._poster(files[0].path, folder)
            if recipe.hls:
                files += await self._playlists(files, folder)
            yield Transcoding(_facts(found, files[0]), tuple(files), poster)

    async def _encode(self, command: list[str], source: Path, folder: Path, shares: "_Shares") -> None:
        try:
            await self._ffmpeg.run(command, readable=source, writable=folder, on_second=shares.note)
        except FfmpegFailedError as failure:
            raise _verdict(failure) from failure

    async def _verified(self, path: Path, source: Streams, folder: Path) -> VideoFile:
        """Open what was made, decode its first picture, and compare its length with what was claimed."""
        made = await probe(path, "mov", readable=folder, writable=folder)
        duration = made.duration or 0
        claimed = source.duration or duration
        if duration <= 0 or duration < claimed - max(_LOST_SECONDS, claimed * _LOST_SHARE):
            raise UnacceptableFileError(
                "truncated", f"claims {claimed:.1f} s, but only {duration:.1f} s can be played"
            )
        return VideoFile(path.name, path, "video/mp4", made.width, made.height, round(duration * 1000))

    async def _poster(self, video: Path, folder: Path) -> Path:
        """Take the first picture that is not black; of an all black video, the first."""
        target = folder / "poster.png"
        for skip_black in (True, False):
            command = arguments.poster(video, target, skip_black=skip_black)
            await self._ffmpeg.run(command, readable=folder, writable=folder)
            if target.exists():
                return target
        raise UnacceptableFileError("corrupt", "no picture of the video can be shown")

    async def _playlists(self, files: list[VideoFile], folder: Path) -> list[VideoFile]:
        """Repack every rendition, and list them all in a master playlist."""
        made: list[VideoFile] = []
        for file in files:
            playlist, data = folder / f"hls_{file.name}.m3u8", folder / f"hls_{file.name}_data.mp4"
            await self._ffmpeg.run(arguments.hls(file.path, playlist, data), readable=folder, writable=folder)
            name_parts(playlist, data)
            made.append(replace(file, name=playlist.stem, path=playlist, media_type=PLAYLIST_TYPE))
            made.append(replace(file, name=data.stem, path=data))
        master = folder / "hls.m3u8"
        write_master(master, {f"hls_{file.name}": file for file in files})
        return [replace(files[0], name=master.stem, path=master, media_type=PLAYLIST_TYPE), *made]


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


def _check(found: Streams, limits: VideoLimits) -> None:
    """Refuse what would cost too much, before it costs anything."""
    if found.width * found.height > limits.max_pixels:
        raise UnacceptableFileError(
            "too_many_pixels", f"{found.width} by {found.height} pixels; {limits.max_pixels:,} are allowed"
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
        return UnacceptableFileError("resource_limit", "the video takes too much to transcode")
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
