"""Puts what was made of an original, and the original itself, into every store that the recipe names.

S3 being away costs no job: what cannot be put there is kept in local storage, the result says so, and whoever
keeps the records has it copied later. Put twice, the same objects are replaced by themselves.
"""

import asyncio
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import structlog

from mediamill_contracts.media import MediaAccepted
from mediamill_contracts.recipe import Store
from mediamill_processor import metrics
from mediamill_storage.object_store import CorruptObjectError, FinishedFile, ObjectStore, StoredFile
from mediamill_storage.stores import Stores

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Placement:
    """What the files hold, in their order, and the stores that hold all of them and the original."""

    files: list[StoredFile]
    stores: tuple[Store, ...]


async def store_objects(
    job: MediaAccepted, source: Path, files: Sequence[FinishedFile], stores: Stores
) -> Placement:
    """Store `files` and consume them, and bring the original, whose bytes are at `source`, to where they go.

    Files and source are on one file system. Raises what the last store that was possible raised, as
    StorageFullError; what is stored by then is whole and will be replaced by the next attempt.
    """
    wanted = job.recipe.stores
    if "s3" not in wanted:
        return Placement(await _put(job, "local", source, files, stores), ("local",))
    if "local" not in wanted and job.source.store == "s3":
        return Placement(await _put(job, "s3", source, files, stores), ("s3",))
    in_s3 = asyncio.create_task(_put_in_s3_if_possible(job, source, _twins(files), stores))
    try:
        locally = await _put(job, "local", source, files, stores) if "local" in wanted else None
    except BaseException:
        in_s3.cancel()
        await asyncio.wait([in_s3])
        raise
    remotely = await in_s3
    if remotely is None:
        return Placement(locally or await _put(job, "local", source, files, stores), ("local",))
    return Placement(remotely, wanted)


async def store_everywhere(files: Sequence[FinishedFile], targets: Sequence[ObjectStore]) -> list[StoredFile]:
    """Put the same files into each store, and consume them; raises what the first store that fails raises."""
    *others, last = targets
    for store in others:
        await store.put_files(_twins(files))
    return await last.put_files(files)


async def _put_in_s3_if_possible(
    job: MediaAccepted, source: Path, files: Sequence[FinishedFile], stores: Stores
) -> list[StoredFile] | None:
    """Return None when S3 does not take the objects now, for whatever reason."""
    try:
        return await _put(job, "s3", source, files, stores)
    except Exception as error:  # noqa: BLE001 - local storage takes the objects, so nothing is lost
        _log.warning("kept in local storage, since S3 did not take it", error=repr(error))
        metrics.S3_MISSED.inc()
        return None


async def _put(
    job: MediaAccepted, store: Store, source: Path, files: Sequence[FinishedFile], stores: Stores
) -> list[StoredFile]:
    """Store the files, and the original where it is not there yet; return what the files hold."""
    target = stores.of(store, job.recipe.s3)
    if store == job.source.store:
        return await target.put_files(files)
    original = FinishedFile(
        _twin(source, files[0].path.parent / f".original-{store}"), job.source.key, job.source.media_type
    )
    *stored, copied = await target.put_files([*files, original])
    if copied.sha256 != job.source.sha256:
        raise CorruptObjectError(
            f"{job.source.key}: admitted as {job.source.sha256}, read as {copied.sha256}"
        )
    return stored


def _twins(files: Sequence[FinishedFile]) -> list[FinishedFile]:
    """Return the same files under other names: each store consumes what it is given."""
    return [
        replace(file, path=_twin(file.path, file.path.with_name(f"{file.path.name}.s3"))) for file in files
    ]


def _twin(path: Path, name: Path) -> Path:
    """Give a file's bytes a second name; a copy where the file system knows no second names."""
    name.unlink(missing_ok=True)
    try:
        os.link(path, name, follow_symlinks=False)
    except OSError:
        shutil.copyfile(path, name, follow_symlinks=False)
    return name
