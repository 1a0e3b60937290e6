"""The processor's composition: the only file that names concrete adapters."""

from dataclasses import dataclass

from starlette.applications import Starlette

from mediamill_contracts.media import MediaAccepted, MediaFailed
from mediamill_contracts.topology import (
    PROCESSOR_CANCELLATIONS,
    PROCESSOR_IMAGES,
    PROCESSOR_IMAGES_BULK,
    PROCESSOR_VIDEO_WATERMARKS,
    PROCESSOR_VIDEOS,
    PROCESSOR_VIDEOS_BULK,
    PROCESSOR_WATERMARKS,
    Queue,
)
from mediamill_contracts.watermark import RequestWatermark, WatermarkCancelled
from mediamill_messaging.rabbitmq import RabbitWorker
from mediamill_messaging.subscription import BroadcastSubscription, Subscription, route
from mediamill_messaging.transport import Publisher
from mediamill_processor.handlers import Cancellations, ImageHandlers, VideoHandlers, WatermarkHandler
from mediamill_processor.progress import ProgressAnnouncer
from mediamill_processor.running_jobs import RunningJobs
from mediamill_processor.sandbox.pool import PoolLimits, SandboxPool
from mediamill_processor.settings import Lane, ProcessorSettings
from mediamill_processor.video.binary import filters_of, find_ffmpeg
from mediamill_processor.video.ffmpeg import Ffmpeg, FfmpegLimits
from mediamill_processor.video.transcoder import VideoTranscoder
from mediamill_runtime.operations import operations_routes
from mediamill_runtime.service import Service
from mediamill_storage.local import LocalObjectStore
from mediamill_storage.s3 import S3Stores
from mediamill_storage.stores import Stores

_MEGA = 1_000_000
_QUEUED_PER_CHILD = 2
"""Jobs in hand for each child, so that the next one is there when it finishes."""

_IMAGE_LANES: dict[Lane, Queue] = {"images": PROCESSOR_IMAGES, "images-bulk": PROCESSOR_IMAGES_BULK}
_VIDEO_LANES: dict[Lane, Queue] = {"videos": PROCESSOR_VIDEOS, "videos-bulk": PROCESSOR_VIDEOS_BULK}


@dataclass(frozen=True)
class ProcessorParts:
    """What a process needs to render and transcode: what it consumes, and who does the work."""

    subscriptions: tuple[Subscription, ...]
    broadcasts: tuple[BroadcastSubscription, ...]
    pool: SandboxPool
    transcoder: VideoTranscoder
    progress: ProgressAnnouncer

    async def start(self) -> None:
        """Start the children; call it before the subscriptions run."""
        self.transcoder.start()
        await self.pool.start()

    async def stop(self) -> None:
        """End the children; call it when no handler runs any more."""
        await self.progress.close()
        await self.pool.stop()
        self.transcoder.stop()


def build_parts(settings: ProcessorSettings, stores: Stores, publisher: Publisher) -> ProcessorParts:
    """Build the processor around a transport that the caller runs. Raises FfmpegMissingError."""
    pool = SandboxPool(_pool_limits(settings), settings.storage_root)
    program = find_ffmpeg()
    ffmpeg = Ffmpeg(program, _video_limits(settings), filters_of(program))
    transcoder = VideoTranscoder(
        ffmpeg,
        settings.storage_root,
        at_once=settings.videos_at_once,
        patience_seconds=settings.video_patience_seconds,
    )
    progress = ProgressAnnouncer(publisher)
    running = RunningJobs()
    lanes: dict[Lane, Subscription] = {
        lane: Subscription(
            queue,
            (
                route(
                    MediaAccepted,
                    ImageHandlers(stores, pool, publisher, progress, queue.retry, running).on_media_accepted,
                ),
            ),
            concurrency=max(queue.concurrency, _QUEUED_PER_CHILD * settings.children),
        )
        for lane, queue in _IMAGE_LANES.items()
    }
    videos = VideoHandlers(
        stores, pool, publisher, progress, PROCESSOR_VIDEOS.retry, running, transcoder=transcoder
    ).on_media_accepted
    for lane, queue in _VIDEO_LANES.items():
        lanes[lane] = Subscription(
            queue, (route(MediaAccepted, videos),), concurrency=settings.videos_at_once
        )
    marked = route(
        RequestWatermark,
        WatermarkHandler(stores, pool, transcoder, publisher, running).on_watermark_requested,
    )
    lanes["watermarks"] = Subscription(PROCESSOR_WATERMARKS, (marked,))
    lanes["video-watermarks"] = Subscription(PROCESSOR_VIDEO_WATERMARKS, (marked,))
    cancellations = Cancellations(running)
    cancelled = (
        route(MediaFailed, cancellations.on_media_failed),
        route(WatermarkCancelled, cancellations.on_watermark_cancelled),
    )
    return ProcessorParts(
        tuple(subscription for lane, subscription in lanes.items() if lane in settings.lanes),
        (BroadcastSubscription(PROCESSOR_CANCELLATIONS, cancelled),),
        pool,
        transcoder,
        progress,
    )


def _pool_limits(settings: ProcessorSettings) -> PoolLimits:
    return PoolLimits(
        children=settings.children,
        has_express={"images", "images-bulk"} <= settings.lanes,
        jobs_per_child=settings.jobs_per_child,
        memory_bytes=settings.child_memory_mb * _MEGA,
        cpu_seconds=settings.cpu_seconds,
        wall_seconds=settings.wall_seconds,
        file_bytes=settings.max_variant_mb * _MEGA,
        niceness=settings.niceness,
        pixels_at_once=settings.pixels_at_once_mp * _MEGA,
    )


def _video_limits(settings: ProcessorSettings) -> FfmpegLimits:
    return FfmpegLimits(
        cpu_seconds=settings.video_cpu_seconds,
        wall_seconds=settings.video_wall_seconds,
        memory_bytes=settings.video_memory_mb * _MEGA,
        file_bytes=settings.max_video_mb * _MEGA,
        niceness=settings.video_niceness,
        threads=settings.video_threads,
    )


def build_service(settings: ProcessorSettings) -> Service:
    """Build the processor as a process of its own, fed by RabbitMQ."""
    worker = RabbitWorker(
        settings.broker_url.get_secret_value(),
        service="processor",
        grace_seconds=settings.shutdown_grace_seconds,
    )
    store = LocalObjectStore(settings.storage_root)
    s3 = S3Stores.from_environment(settings, scratch=store.temporaries)
    parts = build_parts(settings, Stores(store, s3), worker.publisher)
    worker.consume(parts.subscriptions, parts.broadcasts)

    async def start() -> None:
        await parts.start()
        await worker.start()

    async def stop() -> None:
        await worker.stop_consuming()
        await parts.stop()
        await worker.stop()
        await store.close()
        if s3 is not None:
            await s3.close()

    checks = {"broker": worker.check, "storage": store.check, "decoders": parts.pool.check}
    return Service(
        "processor",
        Starlette(routes=operations_routes(checks)),
        start=start,
        stop=stop,
        quiesce=worker.quiesce,
    )
