"""What ffmpeg is told: pure functions from what is wanted to its command line.

Sources are opened as local files with the demuxer that their type names, so that a playlist or a script in
disguise is never followed (https://ffmpeg.org/ffmpeg-protocols.html, `protocol_whitelist`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mediamill_contracts.recipe import Rendition
from mediamill_processor.video.picture_filters import Look, graph_of, rendition_filters

DEMUXERS = {"video/mp4": "mov", "video/quicktime": "mov", "video/webm": "matroska"}
"""The one demuxer of each accepted type."""
SEGMENT_SECONDS = 4
"""Length of a stretch that starts with a key frame: what a player seeks to, and a segment of HLS."""
_MAX_FRAMES_PER_SECOND = 60
_BLACK_PERCENT = 95
"""A frame with so many black pixels is no poster."""


@dataclass(frozen=True)
class Output:
    """A rendition, the file it is written to, and how its pictures are made."""

    rendition: Rendition
    target: Path
    look: Look


def _input(source: Path, demuxer: str, threads: int) -> list[str]:
    return [
        *("-threads", str(threads)),
        *("-protocol_whitelist", "file"),
        *("-f", demuxer),
        *("-i", f"file:{source}"),
    ]


def transcode(
    source: Path, media_type: str, outputs: Sequence[Output], *, threads: int, max_seconds: float
) -> list[str]:
    """Decode once and encode every rendition into its file.

    Rotation is applied by ffmpeg itself, pixels are made square and 8-bit 4:2:0, sides even; metadata,
    subtitles, chapters and data streams stay behind. At most `max_seconds` are written.
    """
    arguments = _input(source, DEMUXERS[media_type], threads)
    arguments += [
        "-filter_complex_threads",
        str(threads),
        "-filter_complex",
        graph_of([output.look for output in outputs]),
    ]
    for number, output in enumerate(outputs):
        rendition = output.rendition
        arguments += [
            *("-map", f"[v{number}]", "-map", "0:a:0?", "-sn", "-dn"),
            *("-map_metadata", "-1", "-map_chapters", "-1"),
            *("-c:v", "libx264", "-preset", rendition.preset, "-crf", str(rendition.crf)),
            *("-threads", str(threads), "-fpsmax", str(_MAX_FRAMES_PER_SECOND)),
            *("-force_key_frames", f"expr:gte(t,n_forced*{SEGMENT_SECONDS})"),
            *("-c:a", "aac", "-b:a", f"{rendition.audio_kbps}k", "-ac", "2", "-ar", "48000"),
            *("-t", f"{max_seconds:g}", "-movflags", "+faststart", "-f", "mp4", f"file:{output.target}"),
        ]
    return arguments


def poster(video: Path, demuxer: str, look: Look | None, target: Path, *, skip_black: bool) -> list[str]:
    """Take the first frame as PNG, or the first that is not black (no file if all are).

    Frames of our own MP4 are taken as they are; those of a source get the look of a rendition.
    """
    less_black = f"metadata=select:key=lavfi.blackframe.pblack:value={_BLACK_PERCENT}:function=less"
    filters = [
        *([] if look is None else [rendition_filters(look)]),
        *([f"blackframe=amount=0,{less_black}"] if skip_black else []),
    ]
    return [
        *_input(video, demuxer, 1),
        *("-map", "0:v:0", *(("-vf", ",".join(filters)) if filters else ())),
        *("-frames:v", "1", "-pix_fmt", "rgb24", "-c:v", "png", "-compression_level", "1"),
        *("-f", "image2", "-update", "1"),
        f"file:{target}",
    ]


def hls(video: Path, playlist: Path, data: Path) -> list[str]:
    """Repack our own MP4 for HTTP Live Streaming: a playlist, and one file that it names byte ranges of."""
    return [
        *_input(video, "mov", 1),
        *("-map", "0", "-c", "copy", "-f", "hls", "-hls_playlist_type", "vod"),
        *("-hls_time", str(SEGMENT_SECONDS), "-hls_segment_type", "fmp4", "-hls_flags", "single_file"),
        *("-hls_segment_filename", str(data), str(playlist)),
    ]
