"""What happens to each message: one use case, then its result is published, and only then is it done."""

from dataclasses import dataclass

from mediamill_contracts.media import MediaAccepted, MediaRejected
from mediamill_contracts.topology import RetryPolicy
from mediamill_messaging.outcome import Retry, decide
from mediamill_messaging.subscription import Delivery
from mediamill_messaging.transport import Publisher
from mediamill_processor import metrics
from mediamill_processor.ports import Progress, Renderer
from mediamill_processor.usecases.quarantine_source import quarantine_source
from mediamill_processor.usecases.render_image import STARTED, render_image
from mediamill_storage.stores import Stores


@dataclass(frozen=True)
class ImageHandlers:
    """Handlers of the image lanes, with what they work on."""

    stores: Stores
    renderer: Renderer
    publisher: Publisher
    progress: Progress
    retry: RetryPolicy

    async def on_media_accepted(self, job: MediaAccepted, delivery: Delivery) -> None:
        """Render the picture, publish the result or the verdict, and wait for the confirm."""
        try:
            with metrics.PROCESSING_SECONDS.labels(job.entity_type, job.kind).time():
                await self._process(job, delivery.attempt)
        except Exception as error:
            if isinstance(decide(error, self.retry, delivery.failures), Retry):
                self.progress.report(job, "retrying", STARTED, delivery.attempt)
            raise

    async def _process(self, job: MediaAccepted, attempt: int) -> None:
        result = await render_image(
            job, stores=self.stores, renderer=self.renderer, progress=self.progress, attempt=attempt
        )
        if result is None:
            return
        await self.publisher.publish(result)
        if isinstance(result, MediaRejected):
            metrics.VERDICTS.labels(result.code).inc()
            await quarantine_source(job, stores=self.stores)
