"""Brings pixels of any colour space to 8-bit sRGB, the one that every browser takes for granted."""

import pyvips

_SRGB = "srgb"
_RGB_BANDS = 3
_RGBA_BANDS = 4
_OPAQUE = 255


def to_srgb(image: pyvips.Image) -> pyvips.Image:
    """Return `image` with 3 or 4 bands of 8-bit sRGB, by its embedded profile when it has one that fits.

    libvips ignores a profile that is broken or belongs to another colour space.
    """
    if image.interpretation == "cmyk":
        image = image.icc_transform(_SRGB, embedded=True, input_profile="cmyk")
    elif image.get_typeof("icc-profile-data"):
        image = image.icc_transform(_SRGB, embedded=True)
    if image.interpretation != _SRGB:
        image = image.colourspace(_SRGB)
    if image.bands > _RGBA_BANDS:
        image = image.extract_band(0, n=_RGBA_BANDS)
    return image if image.format == "uchar" else image.cast("uchar")


def drop_opaque_alpha(image: pyvips.Image) -> pyvips.Image:
    """Drop an alpha channel that hides nothing: decoders add one to every GIF."""
    if image.bands != _RGBA_BANDS or image.extract_band(_RGB_BANDS).min() < _OPAQUE:
        return image
    return image.extract_band(0, n=_RGB_BANDS)
