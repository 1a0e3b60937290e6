"""The corpus: asks blueprints for files, once each, and keeps what was made in one directory."""

from collections.abc import Callable
from pathlib import Path

from PIL import Image

from mediamill_testing.photos.blueprint import Blueprint
from mediamill_testing.photos.camera import CameraPhoto, camera_photos
from mediamill_testing.photos.gallery import GALLERY
from mediamill_testing.photos.hostile import HOSTILE, HostileBlueprint
from mediamill_testing.photos.jpegs import JPEGS
from mediamill_testing.photos.lossless import LOSSLESS
from mediamill_testing.photos.modern import MODERN
from mediamill_testing.photos.photo import HostileFile, Photo
from mediamill_testing.photos.shapes import HUGE, SHAPES

_THUMBNAIL_SIDE = 160
_THUMBNAIL_TYPES = {"image/jpeg", "image/png", "image/webp"}
_KINDS = (*JPEGS, *LOSSLESS, *MODERN, *SHAPES)
_GOOD: dict[str, Blueprint] = {blueprint.file_name: blueprint for blueprint in (*_KINDS, *GALLERY, *HUGE)}
_BAD: dict[str, HostileBlueprint] = {blueprint.name: blueprint for blueprint in HOSTILE}


class PhotoCorpus:
    """Good and bad pictures by name, made when first asked for. Tests never write to them."""

    kinds = tuple(blueprint.file_name for blueprint in _KINDS)
    """One small picture for every format, depth, orientation and shape: for `pytest.mark.parametrize`."""
    hostile_names = tuple(_BAD)
    """Every file that has to be refused."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._photos: dict[str, Photo] = {}
        self._hostile: dict[str, HostileFile] = {}

    def photo(self, file_name: str) -> Photo:
        """Return one good picture, such as `jpeg_orientation_6.jpg` or `huge_100_megapixels.png`."""
        if file_name not in self._photos:
            self._photos[file_name] = _GOOD[file_name].build(self._folder("good"))
        return self._photos[file_name]

    def photos(self, count: int | None = None, *, accept: Callable[[str], bool] | None = None) -> list[Photo]:
        """Return the first `count` small pictures, kinds before the gallery; all when None (103).

        `accept` chooses by media type, for a build that refuses one.
        """
        chosen = [*self.kinds, *(blueprint.file_name for blueprint in GALLERY)]
        if accept is not None:
            chosen = [name for name in chosen if accept(_GOOD[name].media_type)]
        return [self.photo(name) for name in chosen[:count]]

    def thumbnails(self, count: int) -> list[Path]:
        """Return `count` pictures of at most 160 pixels a side: for tests of what happens to many uploads."""
        folder = self._folder("thumbnails")
        return [
            _thumbnail(photo, folder) for photo in self.photos(count, accept=_THUMBNAIL_TYPES.__contains__)
        ]

    def hostile(self, name: str) -> HostileFile:
        """Return one file that has to be refused, and the code it is refused with."""
        if name not in self._hostile:
            self._hostile[name] = _BAD[name].build(self._folder("hostile"))
        return self._hostile[name]

    def camera(self, count: int) -> list[CameraPhoto]:
        """Return photographs of 5 to 12 megapixels with the entropy of a camera's."""
        return camera_photos(self._folder("camera"), count)

    def _folder(self, name: str) -> Path:
        folder = self._directory / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder


def _thumbnail(photo: Photo, folder: Path) -> Path:
    path = folder / photo.file_name
    if not path.exists():
        with Image.open(photo.path) as picture:
            picture.thumbnail((_THUMBNAIL_SIDE, _THUMBNAIL_SIDE))
            picture.save(path)
    return path
