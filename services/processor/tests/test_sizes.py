"""Variants have the sizes that people expect of their boxes."""

import pytest

from mediamill_contracts.recipe import Fit, VariantSpec
from mediamill_processor.pipeline.sizes import target_of


@pytest.mark.parametrize(
    ("fit", "box", "picture", "scaled", "kept"),
    [
        ("inside", (100, 100), (400, 200), (100, 50), (100, 50)),
        ("inside", (100, 100), (200, 400), (50, 100), (50, 100)),
        ("inside", (100, 100), (80, 60), (80, 60), (80, 60)),
        ("inside", (100, 100), (20_000, 10), (100, 1), (100, 1)),
        ("cover", (100, 100), (400, 200), (200, 100), (100, 100)),
        ("cover", (200, 100), (400, 400), (200, 200), (200, 100)),
        ("cover", (100, 100), (60, 300), (60, 300), (60, 60)),
        ("cover", (200, 100), (50, 50), (50, 50), (50, 25)),
        ("cover", (100, 100), (1, 1), (1, 1), (1, 1)),
    ],
)
def test_sizes(
    fit: Fit, box: tuple[int, int], picture: tuple[int, int], scaled: tuple[int, int], kept: tuple[int, int]
) -> None:
    """`inside` keeps all of the picture, `cover` the shape of the box, and neither enlarges."""
    target = target_of(VariantSpec(name="x", width=box[0], height=box[1], fit=fit), *picture)
    assert (target.scaled_width, target.scaled_height) == scaled
    assert (target.width, target.height) == kept
