"""What every ObjectStore promises, as tests: each adapter's test module inherits them and gives the store."""

from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path

import pytest

from mediamill_storage.object_store import (
    CorruptObjectError,
    FinishedFile,
    ObjectNotFoundError,
    ObjectStore,
    StoredFile,
)

KEY = "temp/somebody/0190-upload.jpg"
OTHER_KEY = "permanent/2026/11/unlinked/abc.jpg"
LARGE = bytes(range(256)) * 4_096
"""1 MiB: several chunks of any adapter's."""


class ObjectStoreConformance:
    """Inherit, name the class `Test…`, and define the fixture `store`."""

    async def test_stored_bytes_are_read_back(self, store: ObjectStore) -> None:
        """What was put as a stream is read back byte for byte, and its size is told."""
        size = await store.put_stream(KEY, _chunks(LARGE), media_type="image/jpeg")
        assert size == len(LARGE)
        assert await read_all(store, KEY) == LARGE

    async def test_files_are_consumed(self, store: ObjectStore, tmp_path: Path) -> None:
        """Finished files become objects, their sizes and hashes are told, and they are gone from before."""
        contents = {"temp/somebody/small.webp": b"picture", "permanent/2026/large.webp": LARGE}
        files = [FinishedFile(tmp_path / Path(key).name, key, "image/webp") for key in contents]
        for file in files:
            file.path.write_bytes(contents[file.key])
        stored = await store.put_files(files)
        assert stored == [StoredFile(len(data), sha256(data).hexdigest()) for data in contents.values()]
        for key, data in contents.items():
            assert await read_all(store, key) == data
        assert not [file for file in files if file.path.exists()]

    async def test_putting_a_file_again_replaces(self, store: ObjectStore, tmp_path: Path) -> None:
        """A step that runs twice leaves the later file's bytes."""
        source = tmp_path / "finished"
        for content in (b"first", b"second"):
            source.write_bytes(content)
            await store.put_files([FinishedFile(source, KEY, "image/jpeg")])
        assert await read_all(store, KEY) == b"second"

    async def test_one_bad_key_stores_no_file(self, store: ObjectStore, tmp_path: Path) -> None:
        """Keys are looked at before anything is moved."""
        source = tmp_path / "finished"
        source.write_bytes(b"picture")
        with pytest.raises(ValueError, match="key"):
            await store.put_files(
                [FinishedFile(source, KEY, "image/jpeg"), FinishedFile(source, "../x", "image/jpeg")]
            )
        assert await store.stat(KEY) is None
        assert source.exists()

    async def test_putting_again_replaces(self, store: ObjectStore) -> None:
        """A step that runs twice leaves one object with the later bytes."""
        await store.put_stream(KEY, _chunks(b"first"), media_type="image/jpeg")
        await store.put_stream(KEY, _chunks(b"second"), media_type="image/jpeg")
        assert await read_all(store, KEY) == b"second"
        assert [found.key async for found in store.list("")] == [KEY]

    async def test_a_broken_stream_stores_nothing(self, store: ObjectStore) -> None:
        """When the sender fails half way, no object appears and the earlier one stays."""

        async def breaking() -> AsyncIterator[bytes]:
            yield b"half a pic"
            raise ConnectionResetError

        with pytest.raises(ConnectionResetError):
            await store.put_stream(KEY, breaking(), media_type="image/jpeg")
        assert await store.stat(KEY) is None
        assert [found async for found in store.list("")] == []

    @pytest.mark.parametrize("content", [b"picture", LARGE * 9], ids=["small", "in parts"])
    async def test_other_bytes_than_announced_are_not_stored(
        self, store: ObjectStore, content: bytes
    ) -> None:
        """With their hash the right bytes are stored, and no others; who keeps the hash keeps that one."""
        digest = sha256(content).hexdigest()
        with pytest.raises(CorruptObjectError):
            await store.put_stream(KEY, _chunks(content + b"!"), media_type="video/mp4", sha256=digest)
        assert await store.stat(KEY) is None
        await store.put_stream(KEY, _chunks(content), media_type="video/mp4", sha256=digest)
        found = await store.stat(KEY)
        assert found is not None
        assert found.sha256 in {None, digest}
        assert sha256(await read_all(store, KEY)).hexdigest() == digest

    @pytest.mark.parametrize(
        ("start", "end"), [(0, 1), (10, 20), (1_000_000, None), (5, None), (700_000, 10**9)]
    )
    async def test_a_part_is_read(self, store: ObjectStore, start: int, end: int | None) -> None:
        """A range gives exactly its bytes, cut at the object's end."""
        await store.put_stream(KEY, _chunks(LARGE), media_type="image/jpeg")
        assert await read_all(store, KEY, start=start, end=end) == LARGE[start:end]

    async def test_missing_objects_are_named(self, store: ObjectStore) -> None:
        """Reading what is not there raises ObjectNotFoundError, asking for it gives None."""
        assert await store.stat(KEY) is None
        with pytest.raises(ObjectNotFoundError):
            await read_all(store, KEY)
        with pytest.raises(ObjectNotFoundError):
            async with store.local_copy(KEY):
                pass

    async def test_a_local_copy_holds_the_bytes(self, store: ObjectStore) -> None:
        """Programs that need a path get one with the object's bytes."""
        await store.put_stream(KEY, _chunks(LARGE), media_type="image/jpeg")
        async with store.local_copy(KEY) as path:
            assert path.read_bytes() == LARGE

    async def test_size_and_time_are_told(self, store: ObjectStore) -> None:
        """An object's size is exact and its time is aware of its zone."""
        await store.put_stream(KEY, _chunks(b"12345"), media_type="image/jpeg")
        found = await store.stat(KEY)
        assert found is not None
        assert (found.key, found.size_bytes) == (KEY, 5)
        assert found.modified_at.tzinfo is not None

    async def test_a_hash_that_is_told_is_right(self, store: ObjectStore, tmp_path: Path) -> None:
        """A store need not know an object's hash; one that tells it tells the truth, also of a moved one."""
        (tmp_path / "finished").write_bytes(LARGE)
        await store.put_files([FinishedFile(tmp_path / "finished", KEY, "image/jpeg")])
        await store.move(KEY, OTHER_KEY)
        found = await store.stat(OTHER_KEY)
        assert found is not None
        assert found.sha256 in {None, sha256(LARGE).hexdigest()}

    async def test_a_replaced_object_has_another_version(self, store: ObjectStore) -> None:
        """Where versions are told, one stays while the bytes do, and changes with them."""
        await store.put_stream(KEY, _chunks(b"first"), media_type="image/jpeg")
        first, again = await store.stat(KEY), await store.stat(KEY)
        await store.put_stream(KEY, _chunks(b"other"), media_type="image/jpeg")
        other = await store.stat(KEY)
        assert first is not None
        assert other is not None
        assert first == again
        assert first.version is None or first.version != other.version

    async def test_moving_twice_is_moving_once(self, store: ObjectStore) -> None:
        """A move can be repeated after a crash: the object is at its target, once."""
        await store.put_stream(KEY, _chunks(b"picture"), media_type="image/jpeg")
        await store.move(KEY, OTHER_KEY)
        await store.move(KEY, OTHER_KEY)
        assert await read_all(store, OTHER_KEY) == b"picture"
        assert await store.stat(KEY) is None

    async def test_moving_nothing_is_an_error(self, store: ObjectStore) -> None:
        """A move without source and target tells that the object is lost."""
        with pytest.raises(ObjectNotFoundError):
            await store.move(KEY, OTHER_KEY)

    async def test_a_copy_outlives_its_source(self, store: ObjectStore) -> None:
        """A copy is a young object of its own with the same bytes, and copying again changes nothing."""
        await store.put_stream(KEY, _chunks(LARGE), media_type="image/jpeg")
        source = await store.stat(KEY)
        assert source is not None
        for _ in range(2):
            copied = await store.copy(KEY, OTHER_KEY)
            assert (copied.key, copied.size_bytes) == (OTHER_KEY, len(LARGE))
            assert copied.modified_at >= source.modified_at
        await store.delete(KEY)
        assert await read_all(store, OTHER_KEY) == LARGE
        assert {found.key async for found in store.list("")} == {OTHER_KEY}

    async def test_copying_nothing_is_an_error(self, store: ObjectStore) -> None:
        """A copy without a source tells so and leaves nothing."""
        with pytest.raises(ObjectNotFoundError):
            await store.copy(KEY, OTHER_KEY)
        assert await store.stat(OTHER_KEY) is None

    async def test_deleting_twice_is_deleting_once(self, store: ObjectStore) -> None:
        """The second deletion finds nothing and does no harm."""
        await store.put_stream(KEY, _chunks(b"picture"), media_type="image/jpeg")
        assert await store.delete(KEY) is True
        assert await store.delete(KEY) is False
        assert await store.stat(KEY) is None

    async def test_listing_goes_by_prefix(self, store: ObjectStore) -> None:
        """A prefix may end anywhere in a key, also inside a segment."""
        keys = {"temp/a/1.jpg", "temp/a/2.jpg", "temp/ab/3.jpg", "permanent/2026/4.jpg"}
        for key in keys:
            await store.put_stream(key, _chunks(b"x"), media_type="image/jpeg")
        for prefix in ("", "temp/", "temp/a", "temp/a/", "temp/a/2", "perm", "nothing/"):
            found = {item.key async for item in store.list(prefix)}
            assert found == {key for key in keys if key.startswith(prefix)}, prefix

    @pytest.mark.parametrize(
        "key",
        ["../outside.jpg", "temp/../../outside.jpg", "/etc/passwd", "temp//a", "temp/.hidden", "", "a\0b"],
    )
    async def test_unsafe_keys_are_refused(self, store: ObjectStore, key: str) -> None:
        """No key leads out of the store, whoever made it."""
        with pytest.raises(ValueError, match="key"):
            await store.put_stream(key, _chunks(b"x"), media_type="image/jpeg")
        with pytest.raises(ValueError, match="key"):
            await store.stat(key)

    async def test_a_usable_store_passes_its_check(self, store: ObjectStore) -> None:
        """The readiness probe finds nothing to complain about and leaves nothing behind."""
        await store.check()
        assert [found async for found in store.list("")] == []


async def read_all(store: ObjectStore, key: str, *, start: int = 0, end: int | None = None) -> bytes:
    """Return an object's bytes, or a part of them."""
    return b"".join([chunk async for chunk in store.read(key, start=start, end=end)])


async def _chunks(data: bytes, size: int = 100_000) -> AsyncIterator[bytes]:
    for position in range(0, len(data), size):
        yield data[position : position + size]
