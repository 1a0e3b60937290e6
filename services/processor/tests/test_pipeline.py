"""Every kind of picture becomes upright sRGB variants that show the same and tell nothing of its origin."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from mediamill_contracts.recipe import Limits, PictureFacts, Recipe, VariantSpec, Watermark
from mediamill_processor.pipeline.content import block_other_loaders
from mediamill_processor.pipeline.encode import encode
from mediamill_processor.pipeline.render import EncodedVariant, inspect, render
from mediamill_processor.pipeline.stopwatch import Stopwatch
from mediamill_processor.pipeline.verdicts import UnacceptableFileError
from mediamill_testing.photos import Photo, PhotoCorpus

VARIANTS = (
    VariantSpec(name="large", width=400, height=400),
    VariantSpec(name="print", width=400, height=400, format="png"),
    VariantSpec(name="square", width=64, height=64, fit="cover"),
    VariantSpec(name="thumb", width=200, height=200, format="jpeg"),
)
ANIMATED = ("gif_animated.gif", "webp_animated.webp")


def make(
    source: Path,
    media_type: str,
    scratch: Path,
    *,
    threads: int = 1,
    variants: tuple[VariantSpec, ...] = VARIANTS,
    watermark: Watermark | None = None,
) -> tuple[PictureFacts, dict[str, EncodedVariant]]:
    """Render one file in this process."""
    block_other_loaders()
    recipe, watch = Recipe(variants=variants, watermark=watermark), Stopwatch()
    header = inspect(source, media_type, recipe, watch)
    facts, made = render(header, recipe, scratch, watch, threads=threads, on_decoded=lambda: None)
    return facts, {variant.name: variant for variant in made}


@dataclass(frozen=True)
class Made:
    """A picture, what was found out about it, and its variants in a folder."""

    photo: Photo
    facts: PictureFacts
    variants: dict[str, EncodedVariant]
    folder: Path


@pytest.fixture(scope="module", params=PhotoCorpus.kinds)
def made(
    request: pytest.FixtureRequest, photo_corpus: PhotoCorpus, tmp_path_factory: pytest.TempPathFactory
) -> Made:
    """Render one picture of each kind."""
    photo, folder = photo_corpus.photo(request.param), tmp_path_factory.mktemp("made")
    return Made(photo, *make(photo.path, photo.media_type, folder), folder)


def test_every_kind_comes_out_right(made: Made) -> None:
    """Size, frames, alpha and colours of each variant are those of the upright original."""
    photo, facts, variants = made.photo, made.facts, made.variants
    assert (facts.width, facts.height) == (photo.width, photo.height)
    assert (facts.frames, facts.has_alpha) == (photo.frames, photo.has_alpha)
    for name in ("large", "print", "thumb"):
        picture = Image.open(made.folder / name)
        assert picture.size == (variants[name].width, variants[name].height)
        assert photo.looks_like(picture), name
    scale = min(400 / photo.width, 400 / photo.height, 1)
    assert variants["large"].width == max(1, round(photo.width * scale))
    assert variants["large"].height == max(1, round(photo.height * scale))


def test_nothing_is_told_about_the_origin(made: Made) -> None:
    """No variant carries EXIF, GPS, XMP, a colour profile or a comment."""
    for spec in VARIANTS:
        picture = Image.open(made.folder / spec.name)
        picture.load()
        assert not picture.getexif()
        assert not {"exif", "xmp", "icc_profile", "comment", "XML:com.adobe.xmp"} & picture.info.keys()


@pytest.mark.parametrize("file_name", ["jpeg_orientation_6.jpg", "gif_animated.gif", "png_alpha.png"])
def test_threads_do_not_change_the_bytes(file_name: str, photo_corpus: PhotoCorpus, tmp_path: Path) -> None:
    """A picture rendered on one core and on two is the same file."""
    photo = photo_corpus.photo(file_name)
    for threads in (1, 2):
        (tmp_path / str(threads)).mkdir()
        make(photo.path, photo.media_type, tmp_path / str(threads), threads=threads)
    for spec in VARIANTS:
        assert (tmp_path / "1" / spec.name).read_bytes() == (tmp_path / "2" / spec.name).read_bytes()


@pytest.mark.parametrize("file_name", ANIMATED)
def test_animations_move_in_webp_only(file_name: str, photo_corpus: PhotoCorpus, tmp_path: Path) -> None:
    """WebP variants keep every frame and its time, cut ones too; JPEG and PNG have the first frame."""
    photo = photo_corpus.photo(file_name)
    still = VariantSpec(name="still", width=50, height=50, animated=False)
    _, made = make(photo.path, photo.media_type, tmp_path, variants=(*VARIANTS, still))
    assert made["large"].frames == made["square"].frames == photo.frames
    assert made["thumb"].frames == made["print"].frames == made["still"].frames == 1
    original, variant = Image.open(photo.path), Image.open(tmp_path / "square")
    assert variant.size == (64, 64)
    for frame in range(photo.frames):
        original.seek(frame)
        variant.seek(frame)
        original.load()
        variant.load()
        assert variant.info["duration"] == original.info["duration"]


def test_nothing_is_enlarged(photo_corpus: PhotoCorpus, tmp_path: Path) -> None:
    """A picture of 7 x 5 pixels stays that small, and its square is as large as the picture allows."""
    photo = photo_corpus.photo("tiny.jpg")
    _, made = make(photo.path, photo.media_type, tmp_path)
    assert (made["large"].width, made["large"].height) == (7, 5)
    assert (made["square"].width, made["square"].height) == (5, 5)


@pytest.mark.parametrize(
    "file_name",
    [
        "jpeg_orientation_2.jpg",
        "jpeg_orientation_6.jpg",
        "jpeg_adobe_rgb.jpg",
        "png_16_bit_grey.png",
        "png_alpha.png",
        "gif_animated.gif",
        "tiff_orientation_6.tif",
    ],
)
def test_a_picture_that_is_not_scaled_comes_out_right(
    file_name: str, photo_corpus: PhotoCorpus, tmp_path: Path
) -> None:
    """Size, orientation and colours are right where every pixel is kept, too."""
    photo = photo_corpus.photo(file_name)
    whole = VariantSpec(name="whole", width=5000, height=5000, quality=95, animated=False)
    make(photo.path, photo.media_type, tmp_path, variants=(whole,))
    picture = Image.open(tmp_path / "whole")
    assert picture.size == (photo.width, photo.height)
    assert photo.looks_like(picture)


def test_what_comes_out_the_same_is_encoded_once(
    photo_corpus: PhotoCorpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Variants that a small original cannot tell apart are one picture; any other setting makes another."""
    encoded: list[str] = []

    def count(image: Any, spec: VariantSpec, *args: Any, **options: Any) -> None:
        encoded.append(spec.name)
        encode(image, spec, *args, **options)

    monkeypatch.setattr("mediamill_processor.pipeline.render.encode", count)
    photo = photo_corpus.photo("tiny.jpg")
    variants = (
        VariantSpec(name="large", width=400, height=400),
        VariantSpec(name="medium", width=200, height=200),
        VariantSpec(name="poor", width=400, height=400, quality=30),
        VariantSpec(name="print", width=400, height=400, format="png"),
        VariantSpec(name="square", width=400, height=400, fit="cover"),
        VariantSpec(name="marked", width=400, height=400),
    )
    mark = Watermark(text="x", opacity=1, scale=1, variants=("marked",))
    _, made = make(photo.path, photo.media_type, tmp_path, variants=variants, watermark=mark)
    assert sorted(encoded) == ["large", "marked", "poor", "print", "square"]
    files = {name: (tmp_path / name).read_bytes() for name in made}
    assert len(files) == 6
    assert files["medium"] == files["large"] != files["marked"]
    assert (made["medium"].width, made["medium"].height) == (7, 5)


def test_alpha_becomes_white_in_jpeg(tmp_path: Path) -> None:
    """What is transparent is white where the format has no transparency, and stays clear where it has."""
    source = tmp_path / "source.png"
    Image.new("RGBA", (300, 300), (200, 0, 0, 0)).save(source)
    make(source, "image/png", tmp_path)
    darkest = Image.open(tmp_path / "thumb").convert("L").getextrema()[0]
    assert darkest == 255
    assert Image.open(tmp_path / "print").getchannel("A").getextrema() == (0, 0)


@pytest.mark.parametrize(
    "file_name", ["jpeg_baseline.jpg", "png_palette.png", "gif_still.gif", "webp_lossy.webp"]
)
def test_a_variant_of_the_same_size_is_not_larger(
    file_name: str, photo_corpus: PhotoCorpus, tmp_path: Path
) -> None:
    """Where no pixel is saved, no byte is added: not even at a quality beyond the original's."""
    photo = photo_corpus.photo(file_name)
    greedy = VariantSpec(name="greedy", width=5000, height=5000, quality=100)
    _, made = make(photo.path, photo.media_type, tmp_path, variants=(greedy,))
    assert (made["greedy"].width, made["greedy"].height) == (photo.width, photo.height)
    assert (tmp_path / "greedy").stat().st_size <= photo.path.stat().st_size
    assert [path.name for path in tmp_path.iterdir()] == ["greedy"]


def test_the_facts_describe_the_picture(tmp_path: Path) -> None:
    """The dominant colour is the one that covers most of the picture."""
    source = tmp_path / "source.png"
    picture = Image.new("RGB", (400, 300), (20, 90, 200))
    picture.paste((250, 250, 10), (0, 0, 120, 300))
    picture.save(source)
    facts, _ = make(source, "image/png", tmp_path)
    assert facts.dominant_color == "#145ac8"


def test_a_picture_of_100_megapixels_is_made(photo_corpus: PhotoCorpus, tmp_path: Path) -> None:
    """The largest picture that is allowed comes out right."""
    photo = photo_corpus.photo("huge_100_megapixels.jpg")
    _, made = make(photo.path, photo.media_type, tmp_path)
    assert (made["large"].width, made["large"].height) == (400, 400)
    assert photo.looks_like(Image.open(tmp_path / "large"))


REFUSED = {
    "empty": "empty_file",
    "png_declared_jpeg": "type_mismatch",
    "jpeg_declared_webp": "type_mismatch",
    "elf": "type_mismatch",
    "html": "type_mismatch",
    "svg": "type_mismatch",
    "svgz": "type_mismatch",
    "zip": "type_mismatch",
    "svg_declared": "unsupported_type",
    "pdf": "unsupported_type",
    "gif_script": "corrupt",
    "cut_jpeg": "truncated",
    "cut_progressive_jpeg": "truncated",
    "cut_png": "truncated",
    "cut_gif": "truncated",
    "cut_webp": "truncated",
    "cut_tiff": "truncated",
    "jpeg_bomb": "too_many_pixels",
    "png_bomb": "too_many_pixels",
    "long_png": "side_too_long",
    "long_gif": "too_many_frames",
    "long_webp": "too_many_frames",
}


@pytest.mark.parametrize(("name", "code"), REFUSED.items())
def test_bad_files_are_refused(name: str, code: str, photo_corpus: PhotoCorpus, tmp_path: Path) -> None:
    """Each bad file gets its own code, though ingest would have let none of these pass."""
    bad = photo_corpus.hostile(name)
    with pytest.raises(UnacceptableFileError) as refusal:
        make(bad.path, bad.declared_type, tmp_path)
    assert refusal.value.code == code
    assert str(tmp_path) not in refusal.value.detail


@pytest.mark.parametrize("file_name", ["jpeg_baseline.jpg", "png_rgb.png", "heic_rgb.heic", "avif_rgb.avif"])
@pytest.mark.parametrize("keep", [0.1, 0.5, 0.95])
def test_cut_files_are_refused(
    file_name: str, keep: float, photo_corpus: PhotoCorpus, tmp_path: Path
) -> None:
    """Wherever a file is cut off, it is refused rather than shown half grey."""
    photo = photo_corpus.photo(file_name)
    whole = photo.path.read_bytes()
    cut = tmp_path / "cut"
    cut.write_bytes(whole[: int(len(whole) * keep)])
    with pytest.raises(UnacceptableFileError) as refusal:
        make(cut, photo.media_type, tmp_path)
    assert refusal.value.code in {"truncated", "corrupt"}


@pytest.mark.parametrize(
    "file_name", ["jpeg_baseline.jpg", "heic_rgb.heic", "avif_rgb.avif", "gif_animated.gif"]
)
def test_limits_are_looked_at_before_decoding(file_name: str, photo_corpus: PhotoCorpus) -> None:
    """Every decoder, HEIC's too, is asked for the size before it may decode."""
    block_other_loaders()
    photo = photo_corpus.photo(file_name)
    pixels = photo.width * photo.height
    for limits in (Limits(max_pixels=pixels - 1), Limits(max_side=max(photo.width, photo.height) - 1)):
        with pytest.raises(UnacceptableFileError):
            inspect(photo.path, photo.media_type, Recipe(variants=VARIANTS, limits=limits), Stopwatch())


def test_all_frames_together_have_a_limit(photo_corpus: PhotoCorpus) -> None:
    """An animation of small frames is refused when they add up."""
    block_other_loaders()
    photo = photo_corpus.photo("gif_animated.gif")
    limits = Limits(max_total_pixels=photo.width * photo.height * photo.frames - 1)
    with pytest.raises(UnacceptableFileError) as refusal:
        inspect(photo.path, photo.media_type, Recipe(variants=VARIANTS, limits=limits), Stopwatch())
    assert refusal.value.code == "too_many_pixels"
