"""What happens to each message: one use case, then its result is published, and only then is it done."""

from dataclasses import dataclass

from mediamill_contracts.relocation import RequestRelocation
from mediamill_contracts.sync import RequestPurge, RequestSync, SyncCancelled
from mediamill_messaging.subscription import Delivery
from mediamill_storage_sync.usecases.purge_objects import purge_objects
from mediamill_storage_sync.usecases.relocate_objects import relocate_objects
from mediamill_storage_sync.usecases.run_batch import Transfers, run_batch


@dataclass(frozen=True)
class Handlers:
    """Handlers with what they work on."""

    transfers: Transfers

    async def on_sync_requested(self, request: RequestSync, delivery: Delivery) -> None:
        """Carry out a run, publish the report, and wait for the confirm."""
        report = await run_batch(request, self.transfers, again=delivery.attempt > 1)
        await self.transfers.publisher.publish(report)

    async def on_purge_requested(self, request: RequestPurge, _delivery: Delivery) -> None:
        """Remove objects; tell when a medium is gone for good."""
        gone = await purge_objects(request, self.transfers.stores, self.transfers.rounds.turns)
        if gone is not None:
            await self.transfers.publisher.publish(gone)

    async def on_relocation_requested(self, request: RequestRelocation, _delivery: Delivery) -> None:
        """Copy to the new keys and tell where all copies are."""
        done = await relocate_objects(request, self.transfers.stores, self.transfers.rounds.turns)
        await self.transfers.publisher.publish(done)

    async def on_sync_cancelled(self, event: SyncCancelled, _delivery: Delivery) -> None:
        """Stop these runs, now or when they come."""
        self.transfers.cancellations.note(event)
