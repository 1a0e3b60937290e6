"""How one good picture is made; making is postponed until a test asks for it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from mediamill_testing.photos.photo import Photo, quadrants


@dataclass(frozen=True)
class Blueprint:
    """`write` stores the file and returns the upright picture that any reader should see in it."""

    file_name: str
    media_type: str
    write: Callable[[Path], Image.Image]
    frames: int = 1
    has_alpha: bool = False
    tolerance: int = 6
    enlarged: int = 1
    """The file's sides are this many times those of the picture that `write` returns."""

    @property
    def name(self) -> str:
        """What tests call it: the file name without its ending."""
        return self.file_name.rsplit(".", 1)[0]

    def build(self, folder: Path) -> Photo:
        """Write the file into a folder and return what is to be expected of it."""
        path = folder / self.file_name
        upright = self.write(path)
        return Photo(
            name=self.name,
            path=path,
            media_type=self.media_type,
            width=upright.width * self.enlarged,
            height=upright.height * self.enlarged,
            quadrants=quadrants(upright),
            frames=self.frames,
            has_alpha=self.has_alpha,
            tolerance=self.tolerance,
        )
