"""The corpus is only worth something if its own expectations are right: a second reader checks them."""

from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from PIL import Image, ImageOps
from PIL.ExifTags import IFD

from mediamill_testing.photos import PhotoCorpus, sized_photo

pillow_heif.register_heif_opener()

# Pillow shows 16-bit grey raw, and takes every CMYK JPEG for Adobe's inverted kind.
_BEYOND_PILLOW = {"png_16_bit_grey.png", "jpeg_cmyk_plain.jpg", "jpeg_display_p3.jpg", "jpeg_adobe_rgb.jpg"}


@pytest.mark.parametrize("file_name", [name for name in PhotoCorpus.kinds if name not in _BEYOND_PILLOW])
def test_a_second_reader_sees_what_is_expected(photo_corpus: PhotoCorpus, file_name: str) -> None:
    """Size after orientation, colours of every quarter and number of frames are as promised."""
    photo = photo_corpus.photo(file_name)
    with Image.open(photo.path) as picture:
        assert getattr(picture, "n_frames", 1) == photo.frames
        assert picture.has_transparency_data == photo.has_alpha
        upright = ImageOps.exif_transpose(picture)
        assert upright.size == (photo.width, photo.height)
        assert photo.looks_like(upright)


def test_a_wrong_orientation_does_not_look_like_the_photo(photo_corpus: PhotoCorpus) -> None:
    """A picture that lies on its side, is mirrored, or has its colours swapped is told apart."""
    photo = photo_corpus.photo("jpeg_orientation_1.jpg")
    with Image.open(photo.path) as picture:
        assert photo.looks_like(picture.resize((100, 67)))
        for transpose in Image.Transpose:
            assert not photo.looks_like(picture.transpose(transpose))
        assert not photo.looks_like(Image.fromarray(np.asarray(picture)[:, :, ::-1]))


def test_photos_carry_a_position_to_be_removed(photo_corpus: PhotoCorpus) -> None:
    """The pictures that must lose their GPS position really have one."""
    for file_name in ("jpeg_with_gps.jpg", "jpeg_orientation_6.jpg", "png_with_gps.png"):
        with Image.open(photo_corpus.photo(file_name).path) as picture:
            assert picture.getexif().get_ifd(IFD.GPSInfo)


def test_there_are_about_a_hundred_everyday_pictures(photo_corpus: PhotoCorpus) -> None:
    """The whole collection has distinct files, and a build without HEIC can leave it out."""
    photos = photo_corpus.photos()
    assert len(photos) >= 100
    assert len({photo.path for photo in photos}) == len(photos)
    without = photo_corpus.photos(accept=lambda media_type: media_type != "image/heic")
    assert len(without) == len(photos) - 1


def test_hostile_files_are_what_they_are_called(photo_corpus: PhotoCorpus) -> None:
    """Bombs are small and claim much; the too large file is just above the limit; empty is empty."""
    assert photo_corpus.hostile("jpeg_bomb").path.stat().st_size < 5_000
    assert photo_corpus.hostile("too_large").path.stat().st_size == 10_000_001
    assert photo_corpus.hostile("empty").path.stat().st_size == 0
    with Image.open(photo_corpus.hostile("long_gif").path) as picture:
        assert getattr(picture, "n_frames", 1) == 301
    assert len({photo_corpus.hostile(name).path for name in PhotoCorpus.hostile_names}) == len(
        PhotoCorpus.hostile_names
    )


def test_pictures_are_the_same_each_time(tmp_path: Path) -> None:
    """Two corpora in two places hold the same bytes."""
    first, second = PhotoCorpus(tmp_path / "a"), PhotoCorpus(tmp_path / "b")
    for file_name in ("jpeg_orientation_6.jpg", "png_alpha.png", "gif_animated.gif"):
        assert first.photo(file_name).path.read_bytes() == second.photo(file_name).path.read_bytes()


def test_camera_photos_weigh_what_a_phones_do(photo_corpus: PhotoCorpus, tmp_path: Path) -> None:
    """Large photographs have a camera's sides and bytes, so that measured speeds mean something."""
    photo = photo_corpus.camera(1)[0]
    with Image.open(photo.path) as picture:
        assert ImageOps.exif_transpose(picture).size == (photo.width, photo.height)
    assert 0.2 < photo.path.stat().st_size / (photo.megapixels * 1e6) < 0.45
    small = sized_photo(tmp_path / "small.jpg", megapixels=0.6)
    assert small.width * small.height == pytest.approx(600_000, rel=0.01)
