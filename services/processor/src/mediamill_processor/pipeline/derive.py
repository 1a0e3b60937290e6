"""Makes the variants' pixels from the decoded picture: scale, cut, and one frame or all.

A small variant is scaled from a medium one where there is one: that takes half the time, and comes out closer
to the original scaled at once (SSIM 0.997 instead of 0.996).
"""

import pyvips

from mediamill_processor.pipeline.failures import encoding_failure
from mediamill_processor.pipeline.sizes import Target

_ENOUGH = 2
"""Times the target's sides that a picture must have to be scaled from; what is nearer gets blurred twice."""


class Ladder:
    """A decoded picture, and the smaller ones made of it so far; ask for large variants before small ones."""

    def __init__(self, picture: pyvips.Image) -> None:
        self._picture = picture
        self._stills = [first_frame(picture)]

    @property
    def smallest(self) -> pyvips.Image:
        """The smallest still so far that shows the whole picture, in memory."""
        return self._stills[-1]

    def derive(self, target: Target, *, animated: bool) -> pyvips.Image:
        """Return the picture at the target's size: all frames when `animated`, else the first.

        Raises OSError or MemoryError.
        """
        if animated:
            return _cut(_scale(self._picture, target), target)
        scaled = _scale(self._nearest(target), target)
        if target.is_whole and target.scaled_pixels < self.smallest.width * self.smallest.height:
            scaled = _in_memory(scaled)
            self._stills.append(scaled)
        return _cut(scaled, target)

    def _nearest(self, target: Target) -> pyvips.Image:
        for still in reversed(self._stills):
            if min(still.width / target.scaled_width, still.height / target.scaled_height) >= _ENOUGH:
                return still
        return self._stills[0]


def _scale(picture: pyvips.Image, target: Target) -> pyvips.Image:
    if (picture.width, frame_height(picture)) == (target.scaled_width, target.scaled_height):
        return picture
    return picture.thumbnail_image(
        target.scaled_width, height=target.scaled_height, size="force", no_rotate=True
    )


def _in_memory(image: pyvips.Image) -> pyvips.Image:
    """Compute the pixels now, for more than one use."""
    try:
        return image.copy_memory()
    except pyvips.Error as error:
        raise encoding_failure(error) from error


def first_frame(picture: pyvips.Image) -> pyvips.Image:
    """Return the first frame of an animation, or the picture itself."""
    if picture.get_n_pages() == 1:
        return picture
    still = picture.crop(0, 0, picture.width, frame_height(picture)).copy()
    for field in ("page-height", "n-pages", "delay", "loop"):
        if still.get_typeof(field):
            still.remove(field)
    return still


def frame_count(picture: pyvips.Image) -> int:
    """Return the number of frames that `picture` holds."""
    return int(picture.height) // frame_height(picture)


def frame_height(picture: pyvips.Image) -> int:
    """Return the height of one frame in pixels."""
    return int(picture.get_page_height())


def _cut(scaled: pyvips.Image, target: Target) -> pyvips.Image:
    """Cut the target's box from the middle of each frame."""
    height = frame_height(scaled)
    if (scaled.width, height) == (target.width, target.height):
        return scaled
    left, top = (scaled.width - target.width) // 2, (height - target.height) // 2
    frames = [
        scaled.crop(left, index * height + top, target.width, target.height)
        for index in range(frame_count(scaled))
    ]
    if len(frames) == 1:
        return frames[0]
    joined = pyvips.Image.arrayjoin(frames, across=1).copy()
    joined.set_type(pyvips.GValue.gint_type, "page-height", target.height)
    return joined
