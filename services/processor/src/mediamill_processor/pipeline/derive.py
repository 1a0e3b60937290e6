"""Makes one variant's pixels from the decoded picture: scale, cut, and one frame or all."""

import pyvips

from mediamill_processor.pipeline.sizes import Target


def derive(picture: pyvips.Image, target: Target, *, animated: bool) -> pyvips.Image:
    """Return `picture` at the target's size; without `animated`, its first frame only."""
    if not animated:
        picture = first_frame(picture)
    scaled = picture
    if (picture.width, frame_height(picture)) != (target.scaled_width, target.scaled_height):
        scaled = picture.thumbnail_image(
            target.scaled_width, height=target.scaled_height, size="force", no_rotate=True
        )
    return _cut(scaled, target)


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
