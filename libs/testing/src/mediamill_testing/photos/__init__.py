"""Pictures to test and measure with: good ones with what must come of them, bad ones with their verdict.

All of them are made from photographs that scikit-image and scikit-learn carry inside their wheels, so that
nothing is fetched while tests run. Making is deterministic, lazy and cached in the corpus's directory.
"""

from mediamill_testing.photos.camera import CameraPhoto, camera_photos, sized_photo
from mediamill_testing.photos.corpus import PhotoCorpus
from mediamill_testing.photos.hostile_names import HOSTILE_FILE_NAMES
from mediamill_testing.photos.photo import HostileFile, Photo
from mediamill_testing.photos.sources import real_photo, real_photo_names

__all__ = [
    "HOSTILE_FILE_NAMES",
    "CameraPhoto",
    "HostileFile",
    "Photo",
    "PhotoCorpus",
    "camera_photos",
    "real_photo",
    "real_photo_names",
    "sized_photo",
]
