"""A GIF that was cut off is told from one that merely lacks its trailer."""

import io
import mmap

import pytest
from PIL import Image

from mediamill_processor.pipeline.gif import is_cut_off


def _animation() -> bytes:
    frames = [Image.effect_noise((60, 40), 50 + number).convert("P") for number in range(4)]
    buffer = io.BytesIO()
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:], duration=50)
    return buffer.getvalue()


def _judge(content: bytes) -> bool:
    with mmap.mmap(-1, len(content)) as data:
        data.write(content)
        return is_cut_off(data)


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9, 0.999])
def test_a_cut_is_noticed(share: float) -> None:
    """Wherever inside a frame the file ends."""
    whole = _animation()
    assert _judge(whole[: int(len(whole) * share)])


@pytest.mark.parametrize("ending", [b"", b";", b";trailing words", b"; <html>"])
def test_what_follows_the_frames_does_not_matter(ending: bytes) -> None:
    """With or without trailer, and whatever some program has appended."""
    assert not _judge(_animation().removesuffix(b";") + ending)
