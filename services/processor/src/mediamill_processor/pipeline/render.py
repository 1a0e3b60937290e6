"""The way from a file to its variants, step by step."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pyvips

from mediamill_contracts.recipe import PictureFacts, Recipe, VariantSpec
from mediamill_processor.pipeline.content import check_content
from mediamill_processor.pipeline.decode import decode
from mediamill_processor.pipeline.derive import derive, first_frame, frame_count, frame_height
from mediamill_processor.pipeline.describe import describe
from mediamill_processor.pipeline.encode import encode
from mediamill_processor.pipeline.failures import encoding_failure
from mediamill_processor.pipeline.header import Header, check_limits, read_header
from mediamill_processor.pipeline.sizes import Target, target_of
from mediamill_processor.pipeline.stopwatch import Stopwatch

_WORTH_A_THREAD = 100_000
"""Pixels of all variants together; encoding fewer takes no longer than starting threads."""


@dataclass(frozen=True)
class EncodedVariant:
    """A variant's file in the scratch folder is named after it; width and height in pixels."""

    name: str
    width: int
    height: int
    frames: int


@dataclass(frozen=True)
class _Plan:
    """One variant: what was asked for, its size, and whether it moves."""

    spec: VariantSpec
    target: Target
    animated: bool

    @property
    def shows_all(self) -> bool:
        """Whether it is the whole first frame and nothing else."""
        scaled = self.target.scaled_width, self.target.scaled_height
        return not self.animated and scaled == (self.target.width, self.target.height)


def inspect(source: Path, media_type: str, recipe: Recipe, watch: Stopwatch) -> Header:
    """Return the header of an acceptable file without decoding it; raises UnacceptableFileError."""
    with watch.measure("inspect"):
        check_content(source, media_type)
        header = read_header(source, media_type)
        check_limits(header, recipe.limits)
    return header


def render(
    header: Header,
    recipe: Recipe,
    scratch: Path,
    watch: Stopwatch,
    *,
    threads: int,
    on_decoded: Callable[[], None],
) -> tuple[PictureFacts, list[EncodedVariant]]:
    """Write the variants of an inspected file to `scratch`, each in a file named after the variant.

    Up to `threads` variants are encoded at once; the bytes do not depend on it. Raises UnacceptableFileError.
    """
    plans = [_plan(spec, header) for spec in recipe.variants]
    largest = max((plan.target for plan in plans), key=lambda target: target.scaled_pixels)
    with watch.measure("decode"):
        picture = decode(
            header,
            largest.scaled_width,
            largest.scaled_height,
            animated=any(plan.animated for plan in plans),
        )
    on_decoded()
    with watch.measure("describe"):
        smallest = _smallest_whole(plans)
        still = derive(picture, smallest.target, animated=False) if smallest else first_frame(picture)
        small = _in_memory(still)
        facts = _facts(header, picture, small)

    def produce(plan: _Plan) -> EncodedVariant:
        with watch.measure(f"encode {plan.spec.name}"):
            image = small if plan is smallest else derive(picture, plan.target, animated=plan.animated)
            same_pixels = (plan.target.width, plan.target.height) == (header.width, header.height)
            encode(
                image,
                plan.spec,
                scratch / plan.spec.name,
                largest_bytes=header.size_bytes if same_pixels else None,
            )
        return EncodedVariant(plan.spec.name, image.width, frame_height(image), frame_count(image))

    return facts, _produce_all(produce, plans, threads)


def _plan(spec: VariantSpec, header: Header) -> _Plan:
    animated = spec.animated and spec.format == "webp" and header.frames > 1
    return _Plan(spec, target_of(spec, header.width, header.height), animated)


def _smallest_whole(plans: list[_Plan]) -> _Plan | None:
    whole = (plan for plan in plans if plan.shows_all)
    return min(whole, key=lambda plan: plan.target.scaled_pixels, default=None)


def _in_memory(image: pyvips.Image) -> pyvips.Image:
    """Compute the pixels now, for more than one use."""
    try:
        return image.copy_memory()
    except pyvips.Error as error:
        raise encoding_failure(error) from error


def _facts(header: Header, picture: pyvips.Image, small: pyvips.Image) -> PictureFacts:
    """Describe `picture`; `small` is its first frame at any size."""
    placeholder, colour = describe(small)
    return PictureFacts(
        width=header.width,
        height=header.height,
        frames=header.frames,
        has_alpha=bool(picture.hasalpha()),
        thumbhash=placeholder,
        dominant_color=colour,
    )


def _produce_all(
    produce: Callable[[_Plan], EncodedVariant], plans: list[_Plan], threads: int
) -> list[EncodedVariant]:
    """Encode the largest first: with two threads, one is busy with it while the other does the rest."""
    ordered = sorted(plans, key=lambda plan: plan.target.scaled_pixels, reverse=True)
    quick = sum(plan.target.scaled_pixels for plan in plans) < _WORTH_A_THREAD
    if threads == 1 or len(plans) == 1 or quick:
        return [produce(plan) for plan in ordered]
    with ThreadPoolExecutor(min(threads, len(plans)), thread_name_prefix="encode") as executor:
        return list(executor.map(produce, ordered))
