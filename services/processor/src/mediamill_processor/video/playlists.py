"""HTTP Live Streaming playlists (RFC 8216) whose parts are named as they are served.

A medium's files are served as `/media/{id}/{name}`, without extensions, so the relative names in a playlist
are the names of its sibling variants. Caches keep what is at an address: parts made again get other ones.
"""

from collections.abc import Mapping
from pathlib import Path

from mediamill_processor.video.files import VideoFile


def name_parts(playlist: Path, data: Path, revision: int) -> None:
    """Let a playlist that ffmpeg wrote name its data file as it is served."""
    playlist.write_text(playlist.read_text().replace(data.name, _address(data.stem, revision)))


def write_master(master: Path, renditions: Mapping[str, VideoFile], revision: int) -> None:
    """Write the playlist that offers each rendition's playlist, by name, with its size and bit rate."""
    lines = ["#EXTM3U", "#EXT-X-VERSION:7", "#EXT-X-INDEPENDENT-SEGMENTS"]
    for name, file in renditions.items():
        bits_per_second = file.path.stat().st_size * 8_000 // max(file.duration_ms, 1)
        lines += [
            f"#EXT-X-STREAM-INF:BANDWIDTH={max(bits_per_second, 1)},RESOLUTION={file.width}x{file.height}",
            _address(name, revision),
        ]
    master.write_text("\n".join(lines) + "\n")


def _address(name: str, revision: int) -> str:
    return f"{name}?v={revision}" if revision else name
