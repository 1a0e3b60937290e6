"""What happens to each picture between decoder and encoder, in the language of FFmpeg's filter graphs.

See https://ffmpeg.org/ffmpeg-filters.html. Names in a graph are our own and need no escaping.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from mediamill_processor.pipeline.placement import Box
from mediamill_processor.video.protocol import Matrix, Transfer

_TRANSFERS: dict[Transfer, str] = {"pq": "smpte2084", "hlg": "arib-std-b67"}
_PEAK_NITS = 100
"""Light of white on the screen that HDR is shown on after tone mapping."""


@dataclass(frozen=True)
class Look:
    """How the pictures of one rendition are made from those of the source."""

    size: Box
    tone_map_from: Transfer = "sdr"
    """Other than `sdr`, brightness and colours are brought into what ordinary screens show."""
    mark: str | None = None
    """Name of a PNG of the rendition's size in ffmpeg's working folder: it is laid over every picture."""
    matrix: Matrix | None = None
    """Of the pictures that the mark is laid over."""


def graph_of(looks: Sequence[Look]) -> str:
    """Return a graph that makes `[v0]`, `[v1]`... from the pictures of the first input."""
    copies = "".join(f"[s{number}]" for number in range(len(looks)))
    chains = [f"[0:v:0]split={len(looks)}{copies}"]
    for number, look in enumerate(looks):
        if look.mark is None:
            chains.append(f"[s{number}]{rendition_filters(look)}[v{number}]")
        else:
            chains.append(f"[s{number}]{rendition_filters(look)}[p{number}]")
            chains.append(f"{_mark(look)}[m{number}]")
            chains.append(f"[p{number}][m{number}]overlay=format=yuv420,format=yuv420p[v{number}]")
    return ";".join(chains)


def rendition_filters(look: Look) -> str:
    """Return the chain without the mark: size, square pixels, ordinary brightness, 8-bit 4:2:0."""
    scale = f"scale={look.size.width}:{look.size.height}:flags=bicubic:out_range=limited,setsar=1"
    if look.tone_map_from == "sdr":
        return f"{scale},format=yuv420p"
    return f"{scale},format=yuv420p10le,{_tone_map(look.tone_map_from)},format=yuv420p"


def _tone_map(transfer: Transfer) -> str:
    """Go to linear light, into the smaller range of colours and brightness, and back to BT.709."""
    source = f"transferin={_TRANSFERS[transfer]}:primariesin=bt2020:matrixin=2020_ncl"
    return (
        f"zscale={source}:transfer=linear:npl={_PEAK_NITS},format=gbrpf32le,zscale=primaries=bt709,"
        "tonemap=hable:desat=0,zscale=transfer=bt709:matrix=bt709:range=limited"
    )


def _mark(look: Look) -> str:
    """Read the mark inside the graph: as an input of ffmpeg it would be gone when the source changes size."""
    matrix = "" if look.matrix is None else f":out_color_matrix={look.matrix}"
    return f"movie={look.mark}:f=png_pipe,scale=in_range=full:out_range=limited{matrix},format=yuva420p"
