"""What ingest consumes: each message type with the one use case that takes it.

A type that no route takes (as from a service of a newer release, amid an update) becomes a dead letter with
the code `unknown_type`: visible, replayable, and never a reason to stop.
"""

from mediamill_catalog.relocations import Surroundings
from mediamill_catalog.settings import SettingsWatch
from mediamill_contracts.call import CallCompleted, CallProgressed
from mediamill_contracts.media import MediaProcessed, MediaProgressed, MediaRejected, MediaUploaded
from mediamill_contracts.platform import MessageSent, SettingsChanged
from mediamill_contracts.relocation import RelocationCompleted
from mediamill_contracts.sync import MediaPurged, SyncCompleted, SyncProgressed
from mediamill_contracts.topology import (
    INGEST_ADMISSION,
    INGEST_ADMISSION_BULK,
    INGEST_PROGRESS,
    INGEST_RECORDS,
    INGEST_SETTINGS,
)
from mediamill_contracts.watermark import WatermarkApplied
from mediamill_database import Database
from mediamill_ingest.current_stores import CurrentStores
from mediamill_ingest.dead_letters import dead_letter_effect
from mediamill_ingest.progress_board import ProgressBoard
from mediamill_ingest.right_of_way import RightOfWay
from mediamill_ingest.usecases.admit_upload import Admission, admit_upload
from mediamill_ingest.usecases.purge_media import record_purged
from mediamill_ingest.usecases.record_call import record_call_completed, record_call_progress
from mediamill_ingest.usecases.record_failure import FailureRecords
from mediamill_ingest.usecases.record_processed import SuccessRecords
from mediamill_ingest.usecases.record_relocation import record_relocation
from mediamill_ingest.usecases.record_sync import record_sync_completed, record_sync_progressed
from mediamill_ingest.usecases.record_watermark import record_watermark
from mediamill_ingest.usecases.update_message import record_sent
from mediamill_messaging.subscription import BroadcastSubscription, Delivery, Subscription, route
from mediamill_outbox import DeadLetterEffect


class Handlers:
    """Ingest's handlers with what they work on."""

    def __init__(
        self,
        database: Database,
        stores: CurrentStores,
        admission: Admission,
        settings: SettingsWatch,
        right_of_way: RightOfWay,
        *,
        old_key_seconds: float,
        show_details: bool,
    ) -> None:
        self._database = database
        self._admission = admission
        self._settings = settings
        self._right_of_way = right_of_way
        self._successes = SuccessRecords(database, stores)
        self._failures = FailureRecords(database, stores)
        self.on_dead_letter: DeadLetterEffect = dead_letter_effect(self._failures, show_details=show_details)
        self._old_key_seconds = old_key_seconds
        self._progress = ProgressBoard(database)
        self.admission = Subscription(INGEST_ADMISSION, (route(MediaUploaded, self.on_media_uploaded),))
        """The queue of single uploads, most of which this service announces to itself."""

    def subscriptions(self) -> tuple[Subscription, ...]:
        """Return the queues that ingest consumes."""
        return (
            self.admission,
            Subscription(INGEST_ADMISSION_BULK, (route(MediaUploaded, self.on_media_uploaded),)),
            Subscription(
                INGEST_RECORDS,
                (
                    route(MediaProcessed, self.on_media_processed),
                    route(MediaRejected, self.on_media_rejected),
                    route(CallCompleted, self.on_call_completed),
                    route(MediaPurged, self.on_media_purged),
                    route(SyncCompleted, self.on_sync_completed),
                    route(MessageSent, self.on_message_sent),
                    route(RelocationCompleted, self.on_relocation_completed),
                    route(WatermarkApplied, self.on_watermark_applied),
                ),
            ),
        )

    def broadcasts(self) -> tuple[BroadcastSubscription, ...]:
        """Return the streams that ingest listens to."""
        return (
            BroadcastSubscription(
                INGEST_PROGRESS,
                (
                    route(MediaProgressed, self.on_media_progressed),
                    route(CallProgressed, self.on_call_progressed),
                    route(SyncProgressed, self.on_sync_progressed),
                ),
            ),
            BroadcastSubscription(INGEST_SETTINGS, (route(SettingsChanged, self.on_settings_changed),)),
        )

    async def on_media_uploaded(self, event: MediaUploaded, _delivery: Delivery) -> None:
        """Admit or refuse, once the uploads that come in leave time for it."""
        await self._right_of_way.give_way()
        await admit_upload(self._admission, event)

    async def on_media_processed(self, event: MediaProcessed, _delivery: Delivery) -> None:
        """Record success."""
        self._progress.forget(event.job_id)
        await self._successes.record_processed(event)

    async def on_media_rejected(self, event: MediaRejected, _delivery: Delivery) -> None:
        """Record the verdict."""
        await self._failures.record_rejected(event)

    async def on_media_purged(self, event: MediaPurged, _delivery: Delivery) -> None:
        """Let the record go."""
        await record_purged(self._database, event)

    async def on_sync_completed(self, event: SyncCompleted, _delivery: Delivery) -> None:
        """Record the end of a transfer."""
        location = self._settings.current.known_s3_location
        await record_sync_completed(self._database, event, s3=location)

    async def on_sync_progressed(self, event: SyncProgressed, _delivery: Delivery) -> None:
        """Record how far a transfer is."""
        await record_sync_progressed(self._database, event)

    async def on_watermark_applied(self, event: WatermarkApplied, _delivery: Delivery) -> None:
        """Exchange the variants."""
        await record_watermark(self._database, event, self._settings.current)

    async def on_media_progressed(self, report: MediaProgressed, _delivery: Delivery) -> None:
        """Put the report on the board."""
        self._progress.note(report)

    async def on_call_completed(self, event: CallCompleted, _delivery: Delivery) -> None:
        """Record how a queued call ended."""
        await record_call_completed(self._database, event)

    async def on_call_progressed(self, news: CallProgressed, _delivery: Delivery) -> None:
        """Write where a queued call is."""
        await record_call_progress(self._database, news)

    async def on_message_sent(self, event: MessageSent, _delivery: Delivery) -> None:
        """Note that the announcement has come round."""
        await record_sent(self._database, event)

    async def on_relocation_completed(self, event: RelocationCompleted, _delivery: Delivery) -> None:
        """Let the medium's rows name the copies."""
        around = Surroundings(self._settings.current.known_s3_location, self._old_key_seconds)
        await record_relocation(self._database, event, around)

    async def on_settings_changed(self, _event: SettingsChanged, _delivery: Delivery) -> None:
        """Read the settings now instead of at the next look."""
        await self._settings.look()
