"""The commit at the end of admission: the medium has its permanent original, and a worker has its order."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from mediamill_catalog import media, timeline
from mediamill_catalog.tables import utc_now
from mediamill_catalog.timeline import Happening
from mediamill_contracts.media import MediaAccepted
from mediamill_database import Database
from mediamill_ingest.group_commit import PACE_SECONDS, GroupCommit, Submitted
from mediamill_messaging.envelope import Envelope, seal
from mediamill_outbox.emit import enqueue_all
from mediamill_runtime.telemetry import current_trace_id


@dataclass(frozen=True)
class _Order:
    staged_key: str
    accepted: MediaAccepted
    envelope: Envelope
    line: Happening


class WorkOrders:
    """Places orders for workers; those of about the same time share a transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._group = GroupCommit(self._write, pace_seconds=PACE_SECONDS)

    async def place(self, staged_key: str, accepted: MediaAccepted) -> bool:
        """Change the original's key from the staged one and emit the order, once.

        False when the medium was not open or its original was not the staged one any more.
        """
        line = Happening(
            accepted.media_id,
            accepted.wire_name,
            utc_now(),
            job_id=accepted.job_id,
            trace_id=current_trace_id(),
        )
        return await self._group.submit(_Order(staged_key, accepted, seal(accepted), line))

    async def _write(self, batch: Sequence[Submitted[_Order]]) -> Sequence[bool]:
        orders = [submitted.item for submitted in batch]
        async with self._database.write() as session:
            found = await media.lock_open(session, {order.accepted.media_id for order in orders})
            awaited = {media_id: row.original_key for media_id, row in found.items()}
            placed: dict[UUID, _Order] = {}
            for order in orders:
                if awaited.get(order.accepted.media_id) == order.staged_key:
                    placed.setdefault(order.accepted.media_id, order)
            if placed:
                await media.admit(session, [order.accepted for order in placed.values()], now=utc_now())
                await timeline.record(session, *(order.line for order in placed.values()))
                await enqueue_all(session, [order.envelope for order in placed.values()])
        return [placed.get(order.accepted.media_id) is order for order in orders]
