"""The verdict on objects by ranges: the same as on files, for a few requests."""

import itertools
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mediamill_storage.inspection import DEFAULT_ACCEPTED, AcceptancePolicy, RefusedFileError, check_declared
from mediamill_storage.local import LocalObjectStore
from mediamill_storage.object_inspection import inspect_object
from mediamill_storage.object_store import ObjectNotFoundError
from mediamill_storage.sparse_bytes import BLOCK_BYTES, MissingBytesError, SparseBytes
from mediamill_testing.photos import PhotoCorpus

KEY = "temp/somebody/upload.jpg"
EVERYTHING = AcceptancePolicy(accepted_types=DEFAULT_ACCEPTED | {"video/mp4", "video/quicktime"})


class CountingStore(LocalObjectStore):
    """A store that knows how many bytes were asked of it, and in how many requests."""

    requests = 0
    bytes_read = 0

    async def read(self, key: str, *, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Count, and read."""
        self.requests += 1
        async for chunk in super().read(key, start=start, end=end):
            self.bytes_read += len(chunk)
            yield chunk


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[CountingStore]:
    """Give an empty store."""
    store = CountingStore(tmp_path / "store", fsync=False)
    yield store
    await store.close()


async def _put(store: LocalObjectStore, content: bytes) -> int:
    async def chunks() -> AsyncIterator[bytes]:
        yield content

    return await store.put_stream(KEY, chunks(), media_type="image/jpeg")


@pytest.mark.parametrize("file_name", PhotoCorpus.kinds)
async def test_good_pictures_pass(store: CountingStore, photo_corpus: PhotoCorpus, file_name: str) -> None:
    """Every kind of good picture is recognised, in at most four requests."""
    photo = photo_corpus.photo(file_name)
    size = await _put(store, photo.path.read_bytes())
    assert await inspect_object(store, KEY, size, photo.media_type, EVERYTHING) == photo.media_type
    assert store.requests <= 4


@pytest.mark.parametrize("name", PhotoCorpus.hostile_names)
async def test_hostile_files_get_their_code(
    store: CountingStore, photo_corpus: PhotoCorpus, name: str
) -> None:
    """What a whole file is refused for, its ranges are refused for."""
    hostile = photo_corpus.hostile(name)
    size = await _put(store, hostile.path.read_bytes())
    if hostile.refused_by == "processing":
        verdict = await inspect_object(store, KEY, size, hostile.declared_type, EVERYTHING)
        assert verdict == hostile.declared_type
        return
    with pytest.raises(RefusedFileError) as refusal:
        await inspect_object(store, KEY, size, hostile.declared_type, EVERYTHING)
    assert refusal.value.code == hostile.code


async def test_a_large_picture_is_not_downloaded(store: CountingStore, photo_corpus: PhotoCorpus) -> None:
    """Of a picture with megabytes between its first scan and its end, little is read."""
    photo = photo_corpus.photo("jpeg_baseline.jpg").path.read_bytes()
    size = await _put(store, photo[:-2] + bytes(6_000_000) + b"\xff\xd9")
    assert await inspect_object(store, KEY, size, "image/jpeg", EVERYTHING) == "image/jpeg"
    assert store.bytes_read < 1_500_000


async def test_many_small_pieces_take_few_requests(store: CountingStore) -> None:
    """A video of a thousand boxes, spread over 20 MB, is not fetched box by box."""
    box = (20_000).to_bytes(4, "big") + b"free" + bytes(19_992)
    size = await _put(store, b"\0\0\0\x18ftypisom\0\0\0\0isommp42" + box * 1_000)
    assert await inspect_object(store, KEY, size, "video/mp4", EVERYTHING) == "video/mp4"
    assert store.requests <= 40


async def test_an_object_that_is_gone_is_told(store: CountingStore) -> None:
    """No object, or a shorter one than was said, is no verdict."""
    with pytest.raises(ObjectNotFoundError):
        await inspect_object(store, KEY, 100, "image/jpeg", EVERYTHING)
    await _put(store, b"\xff\xd8\xff")
    with pytest.raises(ObjectNotFoundError):
        await inspect_object(store, KEY, 100, "image/jpeg", EVERYTHING)


@pytest.mark.parametrize(
    "position", [0, 1, BLOCK_BYTES - 2, BLOCK_BYTES - 1, BLOCK_BYTES, 3 * BLOCK_BYTES - 4]
)
@pytest.mark.parametrize("start", [0, 1, BLOCK_BYTES + 5])
def test_searching_backwards_finds_what_a_string_finds(position: int, start: int) -> None:
    """A mark is found wherever it lies, also across blocks, and from `start` on only."""
    content = bytearray(3 * BLOCK_BYTES)
    content[position : position + 4] = b"mark"
    sparse = SparseBytes(len(content))
    for _ in itertools.repeat(None, 4):
        try:
            found = sparse.rfind(b"mark", start)
        except MissingBytesError as missing:
            sparse.add(missing.start, bytes(content[missing.start : missing.end]))
        else:
            break
    assert found == content.rfind(b"mark", start)


@pytest.mark.parametrize(
    ("declared", "size", "code"),
    [
        ("image/jpeg", 0, "empty_file"),
        ("image/jpeg", 10_000_001, "too_large"),
        ("application/zip", 5, "unsupported_type"),
        ("application/octet-stream", 5, "unsupported_type"),
        ("image/svg+xml", 5, "active_content"),
    ],
)
def test_what_is_said_is_judged_before_it_comes(declared: str, size: int, code: str) -> None:
    """An announcement gets the code that the file itself would get."""
    with pytest.raises(RefusedFileError) as refusal:
        check_declared(declared, size, AcceptancePolicy())
    assert refusal.value.code == code


def test_other_names_of_a_type_are_understood() -> None:
    """Senders call the same type by several names."""
    assert check_declared("image/JPG; q=1", 5, AcceptancePolicy()) == "image/jpeg"
