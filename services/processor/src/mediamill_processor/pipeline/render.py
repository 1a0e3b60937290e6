"""The way from a file to its variants, step by step."""

import shutil
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import pyvips

from mediamill_contracts.recipe import PictureFacts, Recipe, VariantSpec
from mediamill_processor.pipeline.content import check_content
from mediamill_processor.pipeline.decode import decode
from mediamill_processor.pipeline.derive import Ladder, frame_count, frame_height
from mediamill_processor.pipeline.describe import describe
from mediamill_processor.pipeline.encode import encode
from mediamill_processor.pipeline.header import Header, check_limits, read_header
from mediamill_processor.pipeline.sizes import Target, target_of
from mediamill_processor.pipeline.stamp import Stamp
from mediamill_processor.pipeline.stopwatch import Stopwatch

_WORTH_A_THREAD = 100_000
"""Pixels of all pictures together; encoding fewer takes no longer than starting threads."""


@dataclass(frozen=True)
class EncodedVariant:
    """A variant's file in the scratch folder is named after it; width and height in pixels."""

    name: str
    width: int
    height: int
    frames: int


@dataclass(frozen=True)
class _Plan:
    """One variant: what was asked for, its size, whether it moves, and whether it gets the watermark."""

    spec: VariantSpec
    target: Target
    animated: bool
    marked: bool

    @property
    def picture(self) -> Hashable:
        """Equal for variants of the same bytes, whatever their names: those of a small original often are."""
        spec = self.spec
        return self.target, self.animated, self.marked, spec.format, spec.quality, spec.effort


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
    mark: Path | None = None,
) -> tuple[PictureFacts, list[EncodedVariant]]:
    """Write the variants of an inspected file to `scratch`, each in a file named after the variant.

    With two `threads`, one scales what the other decodes, and then one is busy with the largest variant while
    the other does the rest; the bytes do not depend on it. `mark` is the file of the recipe's image mark.

    Raises UnacceptableFileError, or UnusableMarkError.
    """
    stamp = Stamp(recipe.watermark, mark) if recipe.watermark is not None else None
    pictures = _alike(_largest_first([_plan(spec, header, recipe) for spec in recipe.variants]))
    largest = pictures[0][0].target
    with watch.measure("decode"), _concurrency(threads):
        picture = decode(
            header,
            largest.scaled_width,
            largest.scaled_height,
            animated=any(plans[0].animated for plans in pictures),
        )
    on_decoded()
    ladder = Ladder(picture)

    def produce(plans: Sequence[_Plan]) -> list[EncodedVariant]:
        """Encode one picture, for all variants that it is."""
        plan, *others = plans
        with watch.measure(f"encode {plan.spec.name}"):
            image = ladder.derive(plan.target, animated=plan.animated)
            if stamp is not None and plan.marked:
                image = stamp.draw(image)
            same_pixels = (plan.target.width, plan.target.height) == (header.width, header.height)
            file = scratch / plan.spec.name
            encode(image, plan.spec, file, largest_bytes=header.size_bytes if same_pixels else None)
            for other in others:
                shutil.copyfile(file, scratch / other.spec.name)
        size = image.width, frame_height(image), frame_count(image)
        return [EncodedVariant(plan.spec.name, *size) for plan in plans]

    shared = pictures[:1] if threads > 1 and _is_worth_a_thread(pictures) else []
    with ThreadPoolExecutor(1, thread_name_prefix="encode") as helper:
        beside = [helper.submit(produce, plans) for plans in shared]
        made = [produce(plans) for plans in pictures[len(shared) :]]
        with watch.measure("describe"):
            facts = _facts(header, picture, ladder.smallest)
    return facts, list(chain(*(encoding.result() for encoding in beside), *made))


@contextmanager
def _concurrency(threads: int) -> Iterator[None]:
    """Let libvips use so many threads at once, and one afterwards: encoders gain nothing from more."""
    pyvips.concurrency_set(threads)
    try:
        yield
    finally:
        pyvips.concurrency_set(1)


def _plan(spec: VariantSpec, header: Header, recipe: Recipe) -> _Plan:
    animated = spec.animated and spec.format == "webp" and header.frames > 1
    target = target_of(spec, header.width, header.height)
    return _Plan(spec, target, animated, recipe.marks(spec.name))


def _largest_first(plans: list[_Plan]) -> list[_Plan]:
    return sorted(plans, key=lambda plan: plan.target.scaled_pixels, reverse=True)


def _alike(plans: Iterable[_Plan]) -> list[list[_Plan]]:
    """Put together what is the same picture; in the order of the first of each."""
    pictures: dict[Hashable, list[_Plan]] = {}
    for plan in plans:
        pictures.setdefault(plan.picture, []).append(plan)
    return list(pictures.values())


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


def _is_worth_a_thread(pictures: list[list[_Plan]]) -> bool:
    return sum(plans[0].target.scaled_pixels for plans in pictures) >= _WORTH_A_THREAD
