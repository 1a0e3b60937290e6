"""Marks land where they belong, as strong and as large as was asked for, and leave the rest alone."""

from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy
import pytest
import pyvips
from PIL import Image

from mediamill_contracts.mark import Position
from mediamill_contracts.recipe import ObjectRef, Recipe, VariantSpec, Watermark
from mediamill_processor import fonts
from mediamill_processor.pipeline.render import inspect, render
from mediamill_processor.pipeline.stamp import Stamp, UnusableMarkError
from mediamill_processor.pipeline.stopwatch import Stopwatch

GREY = 100
RED = (255, 0, 0)

Pixels = Any


@pytest.fixture(autouse=True)
def _own_font(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write with the font that children write with."""
    monkeypatch.setenv("FONTCONFIG_FILE", str(fonts.CONFIGURATION))


@pytest.fixture
def logo(tmp_path: Path) -> Path:
    """Give a red picture of 40 x 20 pixels."""
    path = tmp_path / "logo.png"
    Image.new("RGB", (40, 20), RED).save(path)
    return path


def image_mark(logo: Path, **style: Any) -> Watermark:
    """Return a mark that shows the picture."""
    content = logo.read_bytes()
    image = ObjectRef(
        key="permanent/logo.png",
        size_bytes=len(content),
        sha256=sha256(content).hexdigest(),
        media_type="image/png",
    )
    return Watermark(image=image, **style)


def grey(width: int, height: int, bands: int = 3) -> pyvips.Image:
    """Return an evenly grey picture; a fourth band is alpha, fully transparent."""
    picture = pyvips.Image.black(width, height, bands=3) + GREY
    picture = picture.cast("uchar").copy(interpretation="srgb")
    return picture if bands == 3 else picture.bandjoin(0)


def stamped(picture: pyvips.Image, mark: Watermark, image: Path | None = None) -> Pixels:
    """Return the marked picture's pixels."""
    return Stamp(mark, image).draw(picture).numpy()


def marked_box(pixels: Pixels) -> tuple[int, int, int, int]:
    """Return left, top, right and bottom of what is no longer grey."""
    changed = (pixels[:, :, :3] != GREY).any(axis=2)
    rows, columns = numpy.flatnonzero(changed.any(axis=1)), numpy.flatnonzero(changed.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


@pytest.mark.parametrize(
    ("position", "corner"),
    [
        ("top_left", (10, 10)),
        ("top", (80, 10)),
        ("top_right", (150, 10)),
        ("left", (10, 40)),
        ("center", (80, 40)),
        ("right", (150, 40)),
        ("bottom_left", (10, 70)),
        ("bottom", (80, 70)),
        ("bottom_right", (150, 70)),
    ],
)
def test_nine_positions(logo: Path, position: Position, corner: tuple[int, int]) -> None:
    """The mark has a fifth of the width, keeps its shape, and stands a margin away from the edges."""
    mark = image_mark(logo, position=position, scale=0.2, margin=10, opacity=1)
    pixels = stamped(grey(200, 100), mark, logo)
    left, top = corner
    assert marked_box(pixels) == (left, top, left + 40, top + 20)
    assert tuple(pixels[top + 10, left + 20]) == RED


def test_opacity_mixes_mark_and_picture(logo: Path) -> None:
    """At a quarter, a quarter of the mark's colour is added to three quarters of the picture's."""
    pixels = stamped(grey(200, 100), image_mark(logo, position="center", opacity=0.25), logo)
    expected = [0.25 * of_mark + 0.75 * GREY for of_mark in RED]
    assert numpy.allclose(pixels[50, 100], expected, atol=1)


def test_scale_is_a_share_of_each_pictures_width(logo: Path) -> None:
    """On a picture of half the size the mark is half as large."""
    mark = image_mark(logo, position="top_left", scale=0.5, margin=0, opacity=1)
    assert marked_box(stamped(grey(200, 200), mark, logo)) == (0, 0, 100, 50)
    assert marked_box(stamped(grey(100, 100), mark, logo)) == (0, 0, 50, 25)


def test_a_mark_too_large_for_the_picture_shrinks(logo: Path) -> None:
    """Where height or margins leave less room than asked for, the whole mark is still there."""
    mark = image_mark(logo, position="center", scale=1, margin=10, opacity=1)
    assert marked_box(stamped(grey(200, 40), mark, logo)) == (80, 10, 120, 30)
    assert marked_box(stamped(grey(8, 8), mark, logo)) == (4, 4, 5, 5)


def test_tiles_cover_the_picture_with_gaps(logo: Path) -> None:
    """Tiled, the mark is everywhere, a margin apart, beginning half a margin from the corner."""
    mark = image_mark(logo, position="tiled", scale=0.2, margin=10, opacity=1)
    red = (stamped(grey(200, 100), mark, logo) == RED).all(axis=2)
    assert [int(x) for x in numpy.flatnonzero(numpy.diff(red[20].astype(int)) == 1) + 1] == [5, 55, 105, 155]
    assert [int(y) for y in numpy.flatnonzero(numpy.diff(red[:, 20].astype(int)) == 1) + 1] == [5, 35, 65, 95]


def test_transparent_pictures_stay_transparent_around_the_mark(logo: Path) -> None:
    """Only under the mark the picture becomes visible, as much as the mark is."""
    mark = image_mark(logo, position="center", scale=0.2, opacity=0.5)
    pixels = stamped(grey(200, 100, bands=4), mark, logo)
    assert pixels[50, 100, 3] == 128
    assert pixels[5, 5, 3] == 0


def test_transparent_parts_of_a_mark_show_the_picture(tmp_path: Path) -> None:
    """A logo's own alpha holds."""
    path = tmp_path / "ring.png"
    ring = Image.new("RGBA", (40, 40), (*RED, 255))
    ring.paste((0, 0, 0, 0), (10, 10, 30, 30))
    ring.save(path)
    pixels = stamped(grey(100, 100), image_mark(path, position="center", scale=0.4, opacity=1), path)
    assert tuple(pixels[50, 50]) == (GREY,) * 3
    assert tuple(pixels[33, 33]) == RED


def test_text_is_written_light_and_dark_at_its_place() -> None:
    """Letters are white with a dark shadow, as wide as asked for, and nothing is drawn elsewhere."""
    mark = Watermark(text="© Studio Ä", position="bottom_right", scale=0.5, margin=20, opacity=1)
    pixels = stamped(grey(400, 200), mark)
    left, _, right, bottom = marked_box(pixels)
    assert (abs(right - 380) <= 2, abs(bottom - 180) <= 2, abs(left - 180) <= 4) == (True, True, True)
    assert pixels.max() >= 250
    assert pixels.min() <= 20


def test_markup_is_drawn_and_not_obeyed() -> None:
    """What looks like markup is text: it takes the room of its characters."""
    hostile = '<span size="999999">&lt;x</span> & "'
    tame = '(span size="999999"(&lt;x(/span( & "'
    boxes = [marked_box(stamped(grey(900, 90), Watermark(text=text, scale=1))) for text in (hostile, tame)]
    assert all(abs(one - other) <= 4 for one, other in zip(*boxes, strict=True))


@pytest.mark.parametrize("text", ["x" * 200, "|", "日本語", "עברית", "a\u0301"])
def test_unusual_texts_fit_into_the_picture(text: str) -> None:
    """Long, narrow and foreign texts are drawn whole."""
    left, top, right, bottom = marked_box(stamped(grey(120, 80), Watermark(text=text, scale=1, margin=5)))
    assert (left >= 5, top >= 5, right <= 115, bottom <= 75) == (True,) * 4


def test_text_that_shows_nothing_is_an_error_of_the_mark() -> None:
    """A text of invisible characters is refused, not drawn as nothing."""
    with pytest.raises(UnusableMarkError):
        Stamp(Watermark(text="\u200b"), None)


def test_a_broken_image_is_an_error_of_the_mark(tmp_path: Path, logo: Path) -> None:
    """A mark that cannot be decoded says nothing about the picture that was to get it."""
    broken = tmp_path / "broken.png"
    broken.write_bytes(logo.read_bytes()[:60])
    with pytest.raises(UnusableMarkError):
        Stamp(image_mark(logo), broken)


def test_every_frame_of_an_animation_is_marked_and_its_timing_kept(tmp_path: Path, logo: Path) -> None:
    """An animation stays one."""
    source = tmp_path / "moving.gif"
    frames = [Image.new("RGB", (100, 60), (0, shade, 0)) for shade in (60, 120, 180)]
    frames[0].save(source, save_all=True, append_images=frames[1:], duration=[50, 100, 150], loop=0)
    mark = image_mark(logo, position="center", opacity=1, scale=0.4)
    make(source, "image/gif", tmp_path, mark, logo, VariantSpec(name="large", width=100, height=100))
    with Image.open(tmp_path / "large") as moving:
        for index, duration in enumerate((50, 100, 150)):
            moving.seek(index)
            moving.load()
            assert moving.info["duration"] == duration
            assert numpy.allclose(numpy.asarray(moving.convert("RGB"))[30, 50], RED, atol=12)


def test_only_the_chosen_variants_are_marked_in_every_format(tmp_path: Path, logo: Path) -> None:
    """JPEG, PNG and WebP carry the mark where it was asked for; the others show the picture as it is."""
    source = tmp_path / "source.png"
    Image.new("RGB", (200, 100), (GREY,) * 3).save(source)
    mark = image_mark(logo, position="center", opacity=1, scale=0.4, variants=("a_webp", "a_png", "a_jpeg"))
    specs = [
        VariantSpec(name=name, width=160, height=160, format=name.partition("_")[2])
        for name in ("a_webp", "a_png", "a_jpeg", "b_webp", "b_jpeg")
    ]
    make(source, "image/png", tmp_path, mark, logo, *specs)
    for spec in specs:
        with Image.open(tmp_path / spec.name) as variant:
            middle = numpy.asarray(variant.convert("RGB"))[40, 80]
        expected = RED if spec.name.startswith("a_") else (GREY,) * 3
        assert numpy.allclose(middle, expected, atol=12), spec.name


def make(
    source: Path, media_type: str, scratch: Path, mark: Watermark, image: Path, *variants: VariantSpec
) -> None:
    """Render one file in this process."""
    recipe, watch = Recipe(variants=variants, watermark=mark), Stopwatch()
    header = inspect(source, media_type, recipe, watch)
    render(header, recipe, scratch, watch, threads=2, on_decoded=lambda: None, mark=image)
