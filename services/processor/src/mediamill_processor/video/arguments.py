"""What ffmpeg is told: pure functions from what is wanted to its command line.

Sources are opened as local files with the demuxer that their type names, so that a playlist or a script in
disguise is never followed (https://ffmpeg.org/ffmpeg-protocols.html, `protocol_whitelist`).
"""

from collections.abc import Mapping
from pathlib import Path

from mediamill_contracts.recipe import Rendition

DEMUXERS = {"video/mp4": "mov", "video/quicktime": "mov", "video/webm": "matroska"}
"""The one demuxer of each accepted type."""
SEGMENT_SECONDS = 4
"""Length of a stretch that starts with a key frame: what a player seeks to, and a segment of HLS."""
_MAX_FRAMES_PER_SECOND = 60
_BLACK_PERCENT = 95
"""A frame with so many black pixels is no poster."""


def _input(source: Path, demuxer: str, threads: int) -> list[str]:
    return [
        *("-threads", str(threads)),
        *("-protocol_whitelist", "file"),
        *("-f", demuxer),
        *("-i", f"file:{source}"),
    ]


def transcode(
    source: Path,
    media_type: str,
    renditions: Mapping[Path, Rendition],
    *,
    threads: int,
    max_seconds: float,
) -> list[str]:
    """Decode once and encode every rendition into the file it is mapped from.

    Rotation is applied by ffmpeg itself, pixels are made square and 8-bit 4:2:0, sides even; metadata,
    subtitles, chapters and data streams stay behind. At most `max_seconds` are written.
    """
    arguments = _input(source, DEMUXERS[media_type], threads)
    arguments += [
        "-filter_complex_threads",
        str(threads),
        "-filter_complex",
        _filters(list(renditions.values())),
    ]
    for number, (target, rendition) in enumerate(renditions.items()):
        arguments += [
            *("-map", f"[v{number}]", "-map", "0:a:0?", "-sn", "-dn"),
            *("-map_metadata", "-1", "-map_chapters", "-1"),
            *("-c:v", "libx264", "-preset", rendition.preset, "-crf", str(rendition.crf)),
            *("-threads", str(threads), "-fpsmax", str(_MAX_FRAMES_PER_SECOND)),
            *("-force_key_frames", f"expr:gte(t,n_forced*{SEGMENT_SECONDS})"),
            *("-c:a", "aac", "-b:a", f"{rendition.audio_kbps}k", "-ac", "2", "-ar", "48000"),
            *("-t", f"{max_seconds:g}", "-movflags", "+faststart", "-f", "mp4", f"file:{target}"),
        ]
    return arguments


def _filters(renditions: list[Rendition]) -> str:
    copies = "".join(f"[s{number}]" for number in range(len(renditions)))
    chains = [f"[0:v:0]split={len(renditions)}{copies}"]
    chains += [f"[s{number}]{_scale(rendition)}[v{number}]" for number, rendition in enumerate(renditions)]
    return ";".join(chains)


def _scale(rendition: Rendition) -> str:
    """Square the pixels, then bound the shorter side; both sides even, nothing enlarged."""
    bound = f"max(2,trunc(min({{side}},{rendition.max_short_side})/2)*2)"
    width = f"if(gt(iw,ih),-2,{bound.format(side='iw')})"
    height = f"if(gt(iw,ih),{bound.format(side='ih')},-2)"
    return f"scale='iw*sar':ih,scale='{width}':'{height}':flags=bicubic,setsar=1,format=yuv420p"


def poster(video: Path, target: Path, *, skip_black: bool) -> list[str]:
    """Take the first frame of our own MP4 as PNG, or the first that is not black (no file if all are)."""
    less_black = f"metadata=select:key=lavfi.blackframe.pblack:value={_BLACK_PERCENT}:function=less"
    return [
        *_input(video, "mov", 1),
        *("-map", "0:v:0", *(("-vf", f"blackframe=amount=0,{less_black}") if skip_black else ())),
        *("-frames:v", "1", "-pix_fmt", "rgb24", "-c:v", "png", "-f", "image2", "-update", "1"),
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
