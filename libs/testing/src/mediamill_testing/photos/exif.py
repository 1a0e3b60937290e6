"""EXIF as phones write it: which way is up, and where the picture was taken."""

from PIL import Image
from PIL.ExifTags import GPS, IFD, Base

ORIENTATIONS = range(1, 9)

_STORED_AS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
"""How an upright picture has to lie in the file for a reader that obeys the tag to see it upright."""


def as_stored(upright: Image.Image, orientation: int) -> Image.Image:
    """Return the pixels as a camera held that way would have written them."""
    transpose = _STORED_AS.get(orientation)
    return upright.transpose(transpose) if transpose is not None else upright


def camera_exif(orientation: int = 1) -> Image.Exif:
    """Return EXIF with an orientation, a camera's name and a position in the Pacific."""
    exif = Image.Exif()
    exif[Base.Orientation] = orientation
    exif[Base.Make] = "Mediamill"
    exif[Base.Model] = "Test camera"
    exif[Base.DateTime] = "2024:05:01 12:00:00"
    exif.get_ifd(IFD.GPSInfo).update(
        {
            GPS.GPSLatitudeRef: "S",
            GPS.GPSLatitude: (48.0, 52.0, 36.0),
            GPS.GPSLongitudeRef: "W",
            GPS.GPSLongitude: (123.0, 23.0, 36.0),
        }
    )
    return exif
