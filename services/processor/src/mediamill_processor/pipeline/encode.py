"""Writes one variant as a file, without any metadata: an original's GPS position must not travel along."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pyvips

from mediamill_contracts.recipe import VariantSpec
from mediamill_processor.pipeline.failures import encoding_failure

WHITE = [255, 255, 255]
_QUALITY_STEPS = (15, 30)
_LOWEST_QUALITY = 30
_NO_METADATA = "none"

Writer = Callable[[str], None]


def encode(image: pyvips.Image, spec: VariantSpec, target: Path, *, largest_bytes: int | None) -> None:
    """Write `image` to `target` in the format of `spec`; raises OSError or MemoryError.

    `largest_bytes` is the size of an original with the same pixels. A variant larger than that helps nobody,
    so it is written again in ways that cost bytes less; where none gets below (an original of a few hundred
    bytes), the smallest is kept.
    """
    if spec.format == "jpeg" and image.hasalpha():
        image = image.flatten(background=WHITE)
    try:
        _write_smallest(_writers(image, spec), target, largest_bytes)
    except pyvips.Error as error:
        raise encoding_failure(error) from error


def _write_smallest(writers: Iterator[Writer], target: Path, largest_bytes: int | None) -> None:
    next(writers)(str(target))
    if largest_bytes is None or target.stat().st_size <= largest_bytes:
        return
    attempt = target.with_name(f"{target.name}.smaller")
    for write in writers:
        write(str(attempt))
        if attempt.stat().st_size < target.stat().st_size:
            attempt.replace(target)
        if target.stat().st_size <= largest_bytes:
            break
    attempt.unlink(missing_ok=True)


def _writers(image: pyvips.Image, spec: VariantSpec) -> Iterator[Writer]:
    """Yield ways to write the picture, the one that was asked for first."""
    if spec.format == "png":
        yield partial(image.pngsave, keep=_NO_METADATA)
        yield partial(image.pngsave, keep=_NO_METADATA, compression=9, filter="all")
        yield partial(image.pngsave, keep=_NO_METADATA, compression=9, palette=True)
        return
    if spec.format == "webp":
        webp = partial(image.webpsave, effort=spec.effort, keep=_NO_METADATA)
        yield partial(webp, Q=spec.quality)
        yield partial(webp, lossless=True)
        yield from (partial(webp, Q=quality) for quality in _lower_qualities(spec.quality))
        return
    jpeg = partial(image.jpegsave, optimize_coding=True, keep=_NO_METADATA)
    yield partial(jpeg, Q=spec.quality)
    yield from (partial(jpeg, Q=quality) for quality in _lower_qualities(spec.quality))


def _lower_qualities(quality: int) -> list[int]:
    return [quality - step for step in _QUALITY_STEPS if quality - step >= _LOWEST_QUALITY]
