"""What a job makes, under which keys, and how it gets into the stores: the same for pictures and videos."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mediamill_contracts.media import MediaAccepted
from mediamill_contracts.recipe import ObjectRef, ProducedVariant, Recipe, Store
from mediamill_processor.tracing import span
from mediamill_processor.usecases.store_objects import store_objects
from mediamill_storage.keys import PLAYLIST_TYPE, variant_key
from mediamill_storage.object_store import FinishedFile, ObjectStore, StoredFile
from mediamill_storage.stores import Stores


@dataclass(frozen=True)
class MadeFile:
    """A file that is published under its name; width and height in pixels."""

    name: str
    path: Path
    media_type: str
    width: int
    height: int
    frames: int = 1
    duration_ms: int | None = None
    watermarked: bool = False


def product_keys(job: MediaAccepted) -> list[str]:
    """Return the keys of everything that the job may store."""
    return [variant_key(job.variant_prefix, name, kind) for name, kind in _products(job.recipe)]


def _products(recipe: Recipe) -> Iterator[tuple[str, str]]:
    """Yield name and media type of everything that a recipe asks for."""
    for spec in recipe.variants:
        yield spec.name, f"image/{spec.format}"
    if recipe.video is None:
        return
    if recipe.video.hls:
        yield "hls", PLAYLIST_TYPE
    for rendition in recipe.video.renditions:
        yield rendition.name, "video/mp4"
        if recipe.video.hls:
            yield f"hls_{rendition.name}", PLAYLIST_TYPE
            yield f"hls_{rendition.name}_data", "video/mp4"


def source_store_of(job: MediaAccepted, stores: Stores) -> ObjectStore:
    """Return the store that the job's original is in."""
    return stores.of(job.source.store, job.recipe.s3)


def stores_concerned(job: MediaAccepted, stores: Stores) -> Iterator[ObjectStore]:
    """Yield every store that an attempt at the job may have left something in, local storage first."""
    for name in sorted({"local", job.source.store, *job.recipe.stores}):
        yield stores.of(name, job.recipe.s3)


async def all_stored(job: MediaAccepted, stores: Stores) -> bool:
    """Whether an earlier attempt stored all that was asked for, in one store at least."""
    for store in stores_concerned(job, stores):
        found = [await store.stat(key) for key in product_keys(job)]
        if None not in found:
            return True
    return False


async def store_products(
    job: MediaAccepted, source: Path, made: Sequence[MadeFile], stores: Stores
) -> tuple[tuple[ProducedVariant, ...], tuple[Store, ...]]:
    """Store and consume the files, and bring the original to where it goes; return what is where."""
    files = finished_files(job.variant_prefix, made)
    with span("store variants"):
        placement = await store_objects(job, source, files, stores)
    return produced(made, files, placement.files, placement.stores[0]), placement.stores


def finished_files(prefix: str, made: Sequence[MadeFile]) -> list[FinishedFile]:
    """Return the files with the keys that they are stored under."""
    return [
        FinishedFile(file.path, variant_key(prefix, file.name, file.media_type), file.media_type)
        for file in made
    ]


def produced(
    made: Sequence[MadeFile], files: Sequence[FinishedFile], stored: Sequence[StoredFile], store: Store
) -> tuple[ProducedVariant, ...]:
    """Return what was stored, as results tell it; all in the same order."""
    return tuple(
        ProducedVariant(
            name=file.name,
            object=ObjectRef(
                store=store,
                key=target.key,
                size_bytes=kept.size_bytes,
                sha256=kept.sha256,
                media_type=file.media_type,
            ),
            width=file.width,
            height=file.height,
            frames=file.frames,
            duration_ms=file.duration_ms,
            watermarked=file.watermarked,
        )
        for file, target, kept in zip(made, files, stored, strict=True)
    )
