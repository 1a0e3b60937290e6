"""What a dead letter means for the record it was about, by the type of its message."""

from collections.abc import Mapping
from functools import partial

from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_contracts.call import RequestCall
from mediamill_contracts.relocation import RelocationCompleted, RequestRelocation
from mediamill_contracts.sync import RequestSync
from mediamill_contracts.watermark import RequestWatermark, WatermarkApplied
from mediamill_ingest.usecases.record_call import record_dead_call
from mediamill_ingest.usecases.record_failure import FailureRecords
from mediamill_ingest.usecases.record_relocation import record_dead_relocation
from mediamill_ingest.usecases.record_sync import record_lost_sync
from mediamill_ingest.usecases.record_watermark import record_lost_watermark
from mediamill_messaging.transport import DeadLetter
from mediamill_outbox import DeadLetterEffect

_EFFECTS: Mapping[str, DeadLetterEffect] = {
    RequestRelocation.wire_name: record_dead_relocation,
    RelocationCompleted.wire_name: record_dead_relocation,
    RequestSync.wire_name: record_lost_sync,
    RequestWatermark.wire_name: record_lost_watermark,
    WatermarkApplied.wire_name: record_lost_watermark,
}


def dead_letter_effect(failures: FailureRecords, *, show_details: bool = False) -> DeadLetterEffect:
    """Return what applies a letter's effect, in the transaction that stores it.

    `show_details`: users read why their calls failed, as in development.
    """
    dead_call: DeadLetterEffect = partial(record_dead_call, show_details=show_details)
    effects = {**_EFFECTS, RequestCall.wire_name: dead_call}

    async def on_dead_letter(session: AsyncSession, letter: DeadLetter) -> None:
        await effects.get(letter.type, failures.record_dead_letter)(session, letter)

    return on_dead_letter
