"""Pictures, jobs, a pool with real children, and a publisher that remembers."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from PIL import Image

from mediamill_contracts import Message
from mediamill_contracts.media import MediaAccepted
from mediamill_contracts.recipe import Limits, ObjectRef, Recipe, VariantSpec
from mediamill_messaging.subscription import Delivery
from mediamill_processor.sandbox.pool import PoolLimits, SandboxPool
from mediamill_processor.video.binary import filters_of, find_ffmpeg
from mediamill_processor.video.ffmpeg import Ffmpeg, FfmpegLimits
from mediamill_processor.video.transcoder import VideoTranscoder
from mediamill_storage.keys import original_key
from mediamill_storage.local import LocalObjectStore
from mediamill_storage.object_store import ObjectStore

RECIPE = Recipe(
    variants=(
        VariantSpec(name="large", width=480, height=480),
        VariantSpec(name="square", width=120, height=120, fit="cover"),
        VariantSpec(name="thumb", width=96, height=96, format="jpeg", animated=False),
    )
)
LIMITS = PoolLimits(
    children=1,
    has_express=False,
    jobs_per_child=500,
    memory_bytes=2_048_000_000,
    cpu_seconds=60,
    wall_seconds=60,
    file_bytes=256_000_000,
    niceness=0,
    pixels_at_once=250_000_000,
)
DELIVERY = Delivery("processor.images", str(uuid4()), "media.accepted", "media.accepted.image.interactive")

StartPool = Callable[..., Awaitable[SandboxPool]]
Submit = Callable[..., MediaAccepted]


class RememberingPublisher:
    """A Publisher that keeps what it was given; `broken` makes it fail like a broker that is away."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.broken = False

    async def publish(self, message: Message) -> None:
        """Remember the message."""
        if self.broken:
            raise ConnectionError("broker is away")
        self.messages.append(message)

    async def announce(self, message: Message) -> None:
        """Remember the announcement like any message."""
        await self.publish(message)

    def of(self, wire_name: str) -> list[Any]:
        """Return the messages of one type, in order."""
        return [message for message in self.messages if message.wire_name == wire_name]


@pytest.fixture
def publisher() -> RememberingPublisher:
    """Give a publisher that remembers."""
    return RememberingPublisher()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[LocalObjectStore]:
    """Give an empty store at `tmp_path / "store"`."""
    store = LocalObjectStore(tmp_path / "store", fsync=False)
    yield store
    await store.close()


@pytest.fixture
async def start_pool(store: LocalObjectStore, tmp_path: Path) -> AsyncIterator[StartPool]:
    """Give a function that starts a pool over the store; its arguments replace limits."""
    async with AsyncExitStack() as stack:

        async def start(**limits: Any) -> SandboxPool:
            pool = SandboxPool(replace(LIMITS, **limits), tmp_path / "store")
            stack.push_async_callback(pool.stop)
            await pool.start()
            return pool

        yield start


@pytest.fixture
def ffmpeg_limits() -> FfmpegLimits:
    """Give what a short video does not come near."""
    return FfmpegLimits(
        cpu_seconds=60,
        wall_seconds=60,
        memory_bytes=1_500_000_000,
        file_bytes=100_000_000,
        niceness=0,
        threads=1,
    )


@pytest.fixture
def transcoder(
    store: LocalObjectStore, tmp_path: Path, ffmpeg_limits: FfmpegLimits
) -> Iterator[VideoTranscoder]:
    """Give a started transcoder over the store."""
    program = find_ffmpeg()
    transcoder = VideoTranscoder(Ffmpeg(program, ffmpeg_limits, filters_of(program)), tmp_path / "store")
    transcoder.start()
    yield transcoder
    transcoder.stop()


@pytest.fixture
def submit(store: LocalObjectStore, tmp_path: Path) -> Submit:
    """Give a function that puts a file into the store and returns the job that ingest would send."""

    def submit(
        content: bytes, media_type: str = "image/jpeg", *, recipe: Recipe = RECIPE, **limits: int
    ) -> MediaAccepted:
        media_id = uuid4()
        prefix = f"permanent/2026/01/unlinked/{media_id.hex}"
        key = original_key(prefix, media_type)
        path = tmp_path / "store" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return MediaAccepted(
            media_id=media_id,
            job_id=uuid4(),
            user_id="user-1",
            kind="image",
            source=ObjectRef(
                key=key,
                size_bytes=len(content),
                sha256=sha256(content).hexdigest(),
                media_type=media_type,
            ),
            variant_prefix=prefix,
            recipe=recipe.model_copy(update={"limits": Limits(**limits)}),
        )

    return submit


@pytest.fixture(scope="session")
def large_jpeg(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Give a progressive JPEG of 36 megapixels: it takes memory and most of a second to decode."""
    path = tmp_path_factory.mktemp("large") / "large.jpg"
    gradient = Image.linear_gradient("L").resize((6000, 6000))
    Image.merge("RGB", (gradient, gradient.rotate(90), gradient.rotate(180))).save(
        path, "JPEG", quality=75, progressive=True, subsampling=0
    )
    return path.read_bytes()


async def content_of(store: ObjectStore, key: str) -> bytes:
    """Return the bytes of an object."""
    return b"".join([chunk async for chunk in store.read(key)])


def files_below(folder: Path) -> list[str]:
    """Return the relative paths of all files below a folder, sorted."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def store_root(store: LocalObjectStore) -> Path:
    """Return the folder of a store."""
    return store._paths.root
