"""The photographs everything is made from: files inside the wheels of scikit-image and scikit-learn.

The packages are located, never imported: importing them costs a second and is not needed to read a file.
"""

from functools import cache
from importlib.util import find_spec
from pathlib import Path

from PIL import Image

_SKIMAGE = ("skimage", "data")
_SKLEARN = ("sklearn", "datasets/images")
_FILES = {
    "astronaut": (*_SKIMAGE, "astronaut.png"),
    "brick": (*_SKIMAGE, "brick.png"),
    "camera": (*_SKIMAGE, "camera.png"),
    "chelsea": (*_SKIMAGE, "chelsea.png"),
    "china": (*_SKLEARN, "china.jpg"),
    "coffee": (*_SKIMAGE, "coffee.png"),
    "coins": (*_SKIMAGE, "coins.png"),
    "flower": (*_SKLEARN, "flower.jpg"),
    "grass": (*_SKIMAGE, "grass.png"),
    "hubble": (*_SKIMAGE, "hubble_deep_field.jpg"),
    "logo": (*_SKIMAGE, "logo.png"),
    "motorcycle": (*_SKIMAGE, "motorcycle_left.png"),
    "retina": (*_SKIMAGE, "retina.jpg"),
    "rocket": (*_SKIMAGE, "rocket.jpg"),
}


def real_photo_names() -> tuple[str, ...]:
    """Return the names that `real_photo` knows."""
    return tuple(_FILES)


@cache
def real_photo(name: str) -> Image.Image:
    """Return one of the photographs, decoded, in its own mode (RGB, L or RGBA) and without metadata.

    It is shared: do not change it in place.
    """
    package, folder, file_name = _FILES[name]
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"the test photographs need the package {package}")
    with Image.open(Path(spec.origin).parent / folder / file_name) as picture:
        bare = picture.copy()
        bare.info.clear()
        return bare
