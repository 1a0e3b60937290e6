"""Works out the pixel sizes of variants. Nothing is ever enlarged."""

from dataclasses import dataclass

from mediamill_contracts.recipe import VariantSpec


@dataclass(frozen=True)
class Target:
    """Size in pixels to scale to, and the size that is kept of it, cut from the middle."""

    scaled_width: int
    scaled_height: int
    width: int
    height: int

    @property
    def scaled_pixels(self) -> int:
        """Area before the cut."""
        return self.scaled_width * self.scaled_height

    @property
    def is_whole(self) -> bool:
        """Whether nothing is cut off."""
        return (self.scaled_width, self.scaled_height) == (self.width, self.height)


def target_of(spec: VariantSpec, width: int, height: int) -> Target:
    """Return the sizes of a variant of a picture of `width` x `height` pixels.

    `inside` keeps the whole picture within the box. `cover` keeps the shape of the box: where the picture is
    smaller than the box, the box shrinks to it.
    """
    if spec.fit == "inside":
        scale = min(spec.width / width, spec.height / height, 1)
        inside = _scaled(width, scale), _scaled(height, scale)
        return Target(*inside, *inside)
    shrink = min(width / spec.width, height / spec.height, 1)
    box_width, box_height = _scaled(spec.width, shrink), _scaled(spec.height, shrink)
    scale = max(box_width / width, box_height / height)
    return Target(
        max(_scaled(width, scale), box_width), max(_scaled(height, scale), box_height), box_width, box_height
    )


def _scaled(length: int, scale: float) -> int:
    return max(1, round(length * scale))
