"""What the streams of a video file are, as told by FFmpeg's libraries. Runs in a confined child only.

PyAV imports the module of a kind of stream when it meets one, and a confined child can load no code: they
are imported here.
"""

from fractions import Fraction
from pathlib import Path

import av
import av.audio.stream
import av.subtitles.stream
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from mediamill_processor.pipeline.verdicts import UnacceptableFileError
from mediamill_processor.video.protocol import Matrix, Streams, Transfer

_OPTIONS = {"protocol_whitelist": "file", "probesize": "10000000", "analyzeduration": "10000000"}
_OPEN_SECONDS = 30
_MAX_PACKETS = 2_000
"""Packets looked at for the first picture; a real file has it among the first few."""
_TRANSFERS: dict[int, Transfer] = {16: "pq", 18: "hlg"}
_MATRICES: dict[int, Matrix] = {1: "bt709", 5: "bt601", 6: "bt601", 9: "bt2020"}
"""Codes of ITU-T H.273, as frames carry them."""


def look_at(path: Path, demuxer: str) -> Streams:
    """Open the file, decode its first picture, and return what it holds.

    Raises UnacceptableFileError: `corrupt`, `no_video`.
    """
    try:
        with av.open(str(path), format=demuxer, options=_OPTIONS, timeout=_OPEN_SECONDS) as container:
            return _describe(container)
    except av.FFmpegError as error:
        raise UnacceptableFileError("corrupt", f"not a video that can be read: {error.strerror}") from error


def _describe(container: InputContainer) -> Streams:
    pictures = [stream for stream in container.streams.video if not _is_cover(stream)]
    if not pictures:
        raise UnacceptableFileError("no_video", "there is no video in the file")
    stream = pictures[0]
    picture = _decode_first(container, stream)
    audio = container.streams.audio[0].codec_context.name if container.streams.audio else None
    return Streams(
        width=picture.width,
        height=picture.height,
        pixel_aspect=float(stream.sample_aspect_ratio or 1),
        rotation=round(picture.rotation),
        transfer=_TRANSFERS.get(int(picture.color_trc), "sdr"),
        matrix=_MATRICES.get(int(picture.colorspace)),
        frames_per_second=float(stream.average_rate or stream.guessed_rate or Fraction(25)),
        duration=_duration(container, stream),
        video_codec=stream.codec_context.name,
        audio_codec=audio,
    )


def _is_cover(stream: VideoStream) -> bool:
    """Whether the stream is one still picture, as music files carry."""
    return bool(stream.disposition & av.stream.Disposition.attached_pic)


def _decode_first(container: InputContainer, stream: VideoStream) -> VideoFrame:
    for number, packet in enumerate(container.demux(stream)):
        for picture in packet.decode():
            return picture
        if number > _MAX_PACKETS:
            break
    raise UnacceptableFileError("corrupt", "no picture of the video can be decoded")


def _duration(container: InputContainer, stream: VideoStream) -> float | None:
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    if container.duration is not None:
        return container.duration / av.time_base
    return None
