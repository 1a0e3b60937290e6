"""What happens to each message: one use case, then its result is published, and only then is it done."""

from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

from mediamill_contracts.media import MediaAccepted, MediaFailed, MediaProcessed, MediaRejected
from mediamill_contracts.topology import RetryPolicy
from mediamill_contracts.watermark import RequestWatermark, WatermarkCancelled
from mediamill_messaging.outcome import Retry, decide
from mediamill_messaging.subscription import Delivery
from mediamill_messaging.transport import Publisher
from mediamill_processor import metrics
from mediamill_processor.ports import Progress, Renderer, Transcoder
from mediamill_processor.running_jobs import JobCancelledError, RunningJobs
from mediamill_processor.usecases.apply_watermark import apply_watermark
from mediamill_processor.usecases.quarantine_source import quarantine_source
from mediamill_processor.usecases.remove_products import remove_products
from mediamill_processor.usecases.render_image import STARTED, render_image
from mediamill_processor.usecases.transcode_video import transcode_video
from mediamill_storage.stores import Stores

CANCELLED = "cancelled"
"""Code of the failure of a job that its owner cancelled; the only failure that no replay takes back."""


@dataclass(frozen=True)
class _JobHandlers:
    """What each lane of jobs works with, and how a job is brought to its end."""

    stores: Stores
    renderer: Renderer
    publisher: Publisher
    progress: Progress
    retry: RetryPolicy
    running: RunningJobs = field(default_factory=RunningJobs)

    async def _process(
        self,
        job: MediaAccepted,
        delivery: Delivery,
        work: Coroutine[Any, Any, MediaProcessed | MediaRejected | None],
    ) -> None:
        try:
            with metrics.PROCESSING_SECONDS.labels(job.entity_type, job.kind).time():
                result = await self.running.run(job.job_id, work)
                if result is not None:
                    await self._publish(job, result)
        except JobCancelledError:
            await self._abandon(job)
        except Exception as error:
            outcome = decide(error, self.retry, delivery.failures)
            if isinstance(outcome, Retry) and outcome.counts:
                self.progress.report(job, "retrying", STARTED, delivery.attempt)
            raise
        finally:
            self.progress.end(job)

    async def _publish(self, job: MediaAccepted, result: MediaProcessed | MediaRejected) -> None:
        await self.publisher.publish(result)
        if isinstance(result, MediaRejected):
            metrics.VERDICTS.labels(result.code).inc()
            await quarantine_source(job, stores=self.stores)

    async def _abandon(self, job: MediaAccepted) -> None:
        """Leave nothing of a cancelled job: what it stored goes here, its original where that is known.

        Only whoever keeps the records knows that nobody has any use for the original.
        """
        await remove_products(job, stores=self.stores)
        await self.publisher.publish(
            MediaRejected(
                media_id=job.media_id,
                job_id=job.job_id,
                user_id=job.user_id,
                code=CANCELLED,
                detail="The upload was cancelled.",
                quarantine_key=job.source.key,
                quarantine_store=job.source.store,
            )
        )


class ImageHandlers(_JobHandlers):
    """Handlers of the image lanes."""

    async def on_media_accepted(self, job: MediaAccepted, delivery: Delivery) -> None:
        """Render the picture, publish the result or the verdict, and wait for the confirm."""
        work = render_image(
            job,
            stores=self.stores,
            renderer=self.renderer,
            progress=self.progress,
            attempt=delivery.attempt,
        )
        await self._process(job, delivery, work)


@dataclass(frozen=True, kw_only=True)
class VideoHandlers(_JobHandlers):
    """Handlers of the video lane."""

    transcoder: Transcoder

    async def on_media_accepted(self, job: MediaAccepted, delivery: Delivery) -> None:
        """Transcode the video, publish the result or the verdict, and wait for the confirm."""
        work = transcode_video(
            job,
            stores=self.stores,
            transcoder=self.transcoder,
            renderer=self.renderer,
            progress=self.progress,
            attempt=delivery.attempt,
        )
        await self._process(job, delivery, work)


@dataclass(frozen=True)
class WatermarkHandler:
    """The handler of media that are marked, or freed of a mark, after they were processed."""

    stores: Stores
    renderer: Renderer
    transcoder: Transcoder
    publisher: Publisher
    running: RunningJobs = field(default_factory=RunningJobs)

    async def on_watermark_requested(self, request: RequestWatermark, _delivery: Delivery) -> None:
        """Make the variants again, publish the result, and wait for the confirm.

        Of a cancelled job nothing is published: it has been recorded as ended. What it may have stored is
        not removed here, since this may be the repetition of an order whose result is in use.
        """
        work = apply_watermark(
            request, stores=self.stores, renderer=self.renderer, transcoder=self.transcoder
        )
        try:
            with metrics.PROCESSING_SECONDS.labels("any", "watermark").time():
                result = await self.running.run(request.parent_job_id, work)
        except JobCancelledError:
            return
        await self.publisher.publish(result)


@dataclass(frozen=True)
class Cancellations:
    """Handler of what became of jobs, for those that end before their work does."""

    running: RunningJobs

    async def on_media_failed(self, event: MediaFailed, _delivery: Delivery) -> None:
        """Stop a job that was cancelled: its files and processes go at once."""
        if event.code == CANCELLED:
            self.running.cancel(event.job_id)

    async def on_watermark_cancelled(self, event: WatermarkCancelled, _delivery: Delivery) -> None:
        """Stop what is in hand of a watermark job, and drop what is still to come of it."""
        self.running.cancel(event.parent_job_id)
