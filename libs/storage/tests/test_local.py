"""The local store: what it promises as an ObjectStore, and what a folder adds to that."""

import errno
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mediamill_storage.local import LocalObjectStore
from mediamill_storage.object_store import FinishedFile, StorageFullError
from mediamill_testing.object_store_conformance import KEY, ObjectStoreConformance, read_all


@pytest.fixture(params=[True, False], ids=["fsync", "no-fsync"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[LocalObjectStore]:
    """Give a store in a folder of its own."""
    store = LocalObjectStore(tmp_path / "root", fsync=request.param)
    yield store
    await store.close()


class TestLocalObjectStore(ObjectStoreConformance):
    """The local store is an ObjectStore."""


async def _one(data: bytes) -> AsyncIterator[bytes]:
    yield data


def _files(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


async def test_links_do_not_lead_out(store: LocalObjectStore, tmp_path: Path) -> None:
    """A symbolic link inside the folder gives no access to what is outside."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.jpg").write_bytes(b"secret")
    (tmp_path / "root" / "temp").mkdir()
    (tmp_path / "root" / "temp" / "link").symlink_to(outside)
    (tmp_path / "root" / "temp" / "file.jpg").symlink_to(outside / "secret.jpg")
    for key in ("temp/link/secret.jpg", "temp/file.jpg"):
        with pytest.raises(ValueError, match="link"):
            await read_all(store, key)
    with pytest.raises(ValueError, match="link"):
        await store.put_stream("temp/link/new.jpg", _one(b"x"), media_type="image/jpeg")
    assert sorted(path.name for path in outside.iterdir()) == ["secret.jpg"]


async def test_a_full_disk_leaves_nothing(
    store: LocalObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the disk is full the error says so, and no part of the file stays."""

    def full(_descriptor: int, _data: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(StorageFullError):
        await store.put_stream(KEY, _one(b"picture"), media_type="image/jpeg")
    assert _files(tmp_path / "root") == []


async def test_a_disk_that_fills_at_the_commit_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Space may also run out when the bytes are flushed: the same error, and nothing stays."""
    store = LocalObjectStore(tmp_path / "root")

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageFullError):
        await store.put_stream(KEY, _one(b"picture"), media_type="image/jpeg")
    assert _files(tmp_path / "root") == []
    await store.close()


async def test_files_come_from_another_file_system(
    store: LocalObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot be renamed across file systems is copied, and nothing is left on either."""
    source = tmp_path / "elsewhere"
    source.write_bytes(b"picture")
    rename = os.replace

    def within_one(old: Path, new: Path) -> None:
        if Path(old) == source:
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        rename(old, new)

    monkeypatch.setattr(os, "replace", within_one)
    await store.put_files([FinishedFile(source, KEY, "image/jpeg")])
    assert await read_all(store, KEY) == b"picture"
    assert _files(tmp_path) == [f"root/{KEY}"]


async def test_a_link_is_not_put(store: LocalObjectStore, tmp_path: Path) -> None:
    """A file that is a symbolic link gives nothing away of what it leads to."""
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "finished").symlink_to(tmp_path / "secret")
    with pytest.raises(OSError, match="symbolic links"):
        await store.put_files([FinishedFile(tmp_path / "finished", KEY, "image/jpeg")])
    assert await store.stat(KEY) is None


async def test_files_in_the_making_are_no_objects(store: LocalObjectStore) -> None:
    """A file becomes an object when it is committed, not before."""
    file = store.new_file()
    file.write(b"half")
    assert [found async for found in store.list("")] == []
    file.write(b" and whole")
    await store.commit_file(file, KEY)
    assert await read_all(store, KEY) == b"half and whole"


async def test_what_dead_processes_left_is_cleaned(store: LocalObjectStore, tmp_path: Path) -> None:
    """Old temporaries are removed, those of uploads under way and the objects stay."""
    old, young = store.new_file(), store.new_file()
    old.write(b"left by a process that died")
    abandoned = next(path for path in (tmp_path / "root" / ".temporaries").iterdir() if path.stat().st_size)
    os.utime(abandoned, (1, 1))
    await store.put_stream(KEY, _one(b"picture"), media_type="image/jpeg")
    assert await store.clean_abandoned() == 1
    await store.commit_file(young, "temp/somebody/young.jpg")
    assert {found.key async for found in store.list("")} == {KEY, "temp/somebody/young.jpg"}
    old.abort()
