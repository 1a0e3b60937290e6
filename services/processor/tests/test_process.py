"""The processor as a process of its own on a real broker: what becomes of a transcode when it has to stop."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

import pytest

from mediamill_contracts.media import MediaAccepted, MediaProcessed, MediaProgressed
from mediamill_contracts.recipe import ObjectRef, Preset, Recipe, Rendition, VariantSpec, VideoRecipe
from mediamill_contracts.topology import Broadcast, Queue
from mediamill_messaging.rabbitmq import RabbitTransport
from mediamill_messaging.subscription import BroadcastSubscription, Delivery, Subscription, route
from mediamill_processor.usecases.render_image import ENCODED, STARTED
from mediamill_processor.video.binary import find_ffmpeg
from mediamill_storage.keys import original_key
from mediamill_testing.processes import running_programs
from mediamill_testing.servers.process import Scratch
from mediamill_testing.servers.rabbitmq import RabbitServer
from mediamill_testing.system import ServiceProcess
from mediamill_testing.videos import VideoKit
from mediamill_testing.waiting import eventually

GRACE_SECONDS = 4
SECONDS = 120.0
RESULTS = Queue("test.results", "test", ("media.processed",))
NEWS = Broadcast("test.news", "test", ("media.progressed",))


@dataclass
class Site:
    """A storage folder and a broker, what processors on them make, and how to give them work."""

    broker_url: str
    scratch: Scratch
    transport: RabbitTransport
    results: list[MediaProcessed]
    progress: list[int]
    """Percents, as they were announced."""

    @property
    def storage(self) -> Path:
        """Where objects are."""
        return self.scratch.path / "storage"

    def processor(self) -> ServiceProcess:
        """Return a processor that takes videos, and has little time to stop."""
        environment = {
            "MEDIAMILL_ENV": "test",
            "BROKER_URL": self.broker_url,
            "STORAGE_ROOT": str(self.storage),
            "LOG_FORMAT": "json",
            "PROCESSOR_LANES": "videos",
            "PROCESSOR_CHILDREN": "1",
            "SHUTDOWN_GRACE_SECONDS": str(GRACE_SECONDS),
        }
        return ServiceProcess("processor", environment, scratch=self.scratch)

    async def accept(self, video: bytes, preset: Preset) -> MediaAccepted:
        """Store a video, order its transcode, and return the order."""
        media_id = uuid4()
        prefix = f"permanent/2026/01/unlinked/{media_id.hex}"
        key = original_key(prefix, "video/mp4")
        (self.storage / key).parent.mkdir(parents=True, exist_ok=True)
        (self.storage / key).write_bytes(video)
        job = MediaAccepted(
            media_id=media_id,
            job_id=uuid4(),
            user_id="user-1",
            kind="video",
            source=ObjectRef(
                key=key, size_bytes=len(video), sha256=sha256(video).hexdigest(), media_type="video/mp4"
            ),
            variant_prefix=prefix,
            recipe=Recipe(
                variants=(VariantSpec(name="poster", width=320, height=320, format="jpeg"),),
                video=VideoRecipe(renditions=(Rendition(name="video", preset=preset),)),
            ),
        )
        await self.transport.publisher.publish(job)
        return job

    def transcodes(self) -> list[int]:
        """Return the ids of the ffmpeg processes that work here."""
        return running_programs("ffmpeg", str(self.storage))

    def files(self) -> set[str]:
        """Return the keys of all files, whatever they are."""
        return {str(path.relative_to(self.storage)) for path in self.storage.rglob("*") if path.is_file()}


@pytest.fixture
async def site(rabbitmq: RabbitServer) -> AsyncIterator[Site]:
    """Give a site without processors; they will have no more rights on the broker than they need."""
    rabbitmq.start()
    with rabbitmq.vhost() as vhost:
        processors_url = rabbitmq.service_urls(vhost)["processor"]
        results: list[MediaProcessed] = []
        progress: list[int] = []

        async def keep(result: MediaProcessed, _delivery: Delivery) -> None:
            results.append(result)

        async def hear(news: MediaProgressed, _delivery: Delivery) -> None:
            progress.append(news.progress)

        transport = RabbitTransport(
            rabbitmq.url_of(vhost),
            service="test",
            subscriptions=(Subscription(RESULTS, (route(MediaProcessed, keep),)),),
            broadcasts=(BroadcastSubscription(NEWS, (route(MediaProgressed, hear),)),),
        )
        scratch = Scratch("site")
        await transport.start()
        await transport.wait_connected()
        yield Site(processors_url, scratch, transport, results, progress)
        await transport.stop(5)
        scratch.remove()


@pytest.fixture
def processor(site: Site) -> Iterator[ServiceProcess]:
    """Give a running processor."""
    with closing(site.processor()) as processor:
        yield processor.start()


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Give a video that takes some seconds to transcode."""
    path = tmp_path_factory.mktemp("videos") / "long.mp4"
    return VideoKit(find_ffmpeg()).make(path, size="960x540", seconds=6, rate=25).read_bytes()


async def test_a_stop_amid_a_transcode_hands_it_to_another(
    site: Site, processor: ServiceProcess, video: bytes
) -> None:
    """On SIGTERM it ends within its grace, with ffmpeg and all files gone; another finishes, as first try."""
    job = await site.accept(video, "slow")
    await eventually(lambda: bool(site.transcodes()), SECONDS)
    began = time.monotonic()
    await asyncio.to_thread(processor.stop)
    took = time.monotonic() - began
    assert (site.transcodes(), site.files(), site.results) == ([], {job.source.key}, [])
    assert took < GRACE_SECONDS + 1
    assert '"clean": true' in processor.log()
    site.progress.clear()
    with closing(site.processor()) as other:
        await asyncio.to_thread(other.start)
        await eventually(lambda: bool(site.results), SECONDS)
    assert site.progress == sorted(site.progress)
    assert len([percent for percent in site.progress if STARTED < percent < ENCODED]) > 1, "as ffmpeg goes on"
    (result,) = site.results
    assert (result.job_id, result.attempt) == (job.job_id, 1)
    assert site.files() == {job.source.key, *(variant.object.key for variant in result.variants)}
