"""Small variants are scaled from medium ones only where nobody sees it."""

import numpy as np
import numpy.typing as npt
import pytest
import pyvips

from mediamill_processor.pipeline.derive import Ladder
from mediamill_processor.pipeline.sizes import Target
from mediamill_testing.photos import PhotoCorpus

LARGE, MEDIUM, SMALL = 1600, 800, 200


@pytest.fixture(scope="module")
def original(photo_corpus: PhotoCorpus) -> pyvips.Image:
    """Return a photograph's pixels."""
    photo = photo_corpus.camera(1)[0]
    return pyvips.Image.new_from_file(str(photo.path)).autorot().copy_memory()


def target(picture: pyvips.Image, width: int) -> Target:
    """Return the size of the whole picture at a width."""
    height = round(width * picture.height / picture.width)
    return Target(width, height, width, height)


def pixels(picture: pyvips.Image) -> npt.NDArray[np.uint8]:
    """Return height x width x bands values."""
    return np.asarray(picture.numpy())


def test_a_small_picture_made_by_way_of_a_medium_one_is_as_good(original: pyvips.Image) -> None:
    """It is no further from the original scaled at once than one scaled from the largest variant."""
    from skimage.metrics import (
        structural_similarity,
    )  # loads SciPy, which is for the one worker that compares

    ideal = original.thumbnail_image(SMALL)
    large = original.thumbnail_image(LARGE).copy_memory()
    directly = Ladder(large).derive(target(large, SMALL), animated=False)
    ladder = Ladder(large)
    ladder.derive(target(large, MEDIUM), animated=False)
    by_steps = ladder.derive(target(large, SMALL), animated=False)
    likeness = [
        structural_similarity(pixels(ideal), pixels(made), channel_axis=2) for made in (by_steps, directly)
    ]
    assert likeness[0] >= likeness[1] - 0.001


def test_a_picture_of_nearly_the_size_is_not_scaled_from(original: pyvips.Image) -> None:
    """Scaling twice by a little would blur: the result is that of scaling once."""
    large = original.thumbnail_image(LARGE).copy_memory()
    once = Ladder(large).derive(target(large, MEDIUM), animated=False)
    ladder = Ladder(large)
    ladder.derive(target(large, MEDIUM + 100), animated=False)
    assert (pixels(ladder.derive(target(large, MEDIUM), animated=False)) == pixels(once)).all()


def test_a_cut_picture_stands_for_no_other(original: pyvips.Image) -> None:
    """What a square variant has lost is still in the smaller one made after it."""
    large = original.thumbnail_image(LARGE).copy_memory()
    whole = target(large, MEDIUM)
    ladder = Ladder(large)
    side = min(whole.width, whole.height)
    ladder.derive(Target(whole.width, whole.height, side, side), animated=False)
    assert ladder.smallest.width == LARGE
    assert ladder.derive(target(large, SMALL), animated=False).height == target(large, SMALL).height
