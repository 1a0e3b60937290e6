"""What ingest consumes: each message type with the one use case that takes it.

A type that no route takes (those of later services, on a queue that is bound to them already) becomes a dead
letter with the code `unknown_type`: visible, replayable, and never a reason to stop.
"""

from collections.abc import Sequence

from mediamill_contracts.media import MediaProcessed, MediaProgressed, MediaRejected, MediaUploaded
from mediamill_contracts.topology import INGEST_ADMISSION, INGEST_RECORDS
from mediamill_database import Database
from mediamill_ingest.group_commit import GroupCommit, Submitted
from mediamill_ingest.usecases.admit_upload import Admission, admit_upload
from mediamill_ingest.usecases.record_failure import record_rejected
from mediamill_ingest.usecases.record_processed import SuccessRecords
from mediamill_ingest.usecases.record_progress import record_progress
from mediamill_messaging.subscription import Delivery, Subscription, route
from mediamill_storage.object_store import ObjectStore

PROGRESS_LINGER_SECONDS = 0.1
"""Progress reaches sockets without this detour; who polls the job sees it a little later, at less cost."""


class Handlers:
    """Ingest's handlers with what they work on."""

    def __init__(self, database: Database, store: ObjectStore, admission: Admission) -> None:
        self._database = database
        self._store = store
        self._admission = admission
        self._successes = SuccessRecords(database, store)
        self._progress = GroupCommit(self._write_progress, linger_seconds=PROGRESS_LINGER_SECONDS)

    def subscriptions(self) -> tuple[Subscription, ...]:
        """Return the queues that ingest consumes."""
        return (
            Subscription(INGEST_ADMISSION, (route(MediaUploaded, self.on_media_uploaded),)),
            Subscription(
                INGEST_RECORDS,
                (
                    route(MediaProcessed, self.on_media_processed),
                    route(MediaRejected, self.on_media_rejected),
                    route(MediaProgressed, self.on_media_progressed),
                ),
            ),
        )

    async def on_media_uploaded(self, event: MediaUploaded, _delivery: Delivery) -> None:
        """Admit or refuse."""
        await admit_upload(self._admission, event)

    async def on_media_processed(self, event: MediaProcessed, _delivery: Delivery) -> None:
        """Record success."""
        await self._successes.record_processed(event)

    async def on_media_rejected(self, event: MediaRejected, _delivery: Delivery) -> None:
        """Record the verdict."""
        await record_rejected(self._database, self._store, event)

    async def on_media_progressed(self, event: MediaProgressed, _delivery: Delivery) -> None:
        """Record progress, together with what other jobs report at about the same time."""
        await self._progress.submit(event)

    async def _write_progress(self, batch: Sequence[Submitted[MediaProgressed]]) -> Sequence[None]:
        await record_progress(self._database, [submitted.item for submitted in batch])
        return [None] * len(batch)
