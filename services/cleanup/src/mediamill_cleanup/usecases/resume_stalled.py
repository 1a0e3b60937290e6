"""Sends the messages again without which media do not go on, where they were lost.

After the loss of a broker's disk, and after a restore of the database, nobody has them any more. What waits
for its turn is left alone, however long; and a message that comes twice after all ends no job twice.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from mediamill_catalog import stalled
from mediamill_catalog.job_messages import accepted_medium, uploaded_medium
from mediamill_catalog.placement import stores_of
from mediamill_catalog.recipes import RecipeBook
from mediamill_catalog.stalled import Silent
from mediamill_cleanup.batches import BATCH
from mediamill_cleanup.duty import Run
from mediamill_cleanup.premises import Premises
from mediamill_cleanup.report import Report
from mediamill_contracts.ids import repeatable_id
from mediamill_contracts.media import MediaAccepted, MediaUploaded
from mediamill_contracts.recipe import Store
from mediamill_contracts.topology import INGEST_RECORDS, QUEUES
from mediamill_messaging.errors import PermanentError
from mediamill_storage import keys
from mediamill_storage.object_store import StoreUnavailableError

ACTOR = "system"
AGAIN: Mapping[type[MediaUploaded | MediaAccepted], str] = {
    MediaUploaded: "uploads announced to admission again",
    MediaAccepted: "media given to workers again",
}
WAITING = "media that still wait for their turn"
LOST = "media whose bytes are in no store that is connected"
_QUEUES = {topic: queue.name for queue in QUEUES for topic in queue.topics}


async def resume_stalled(premises: Premises, recipes: RecipeBook, age: timedelta, run: Run) -> Report:
    """Send again the messages of media that nothing was heard of for `age`, once in that time."""
    resuming = _Resuming(premises, recipes, run.now - age, run, run.report())
    after: UUID | None = None
    while True:
        async with premises.database.read() as session:
            found = await stalled.silent_since(session, resuming.before, limit=BATCH, after=after)
        if not found:
            return resuming.report
        after = found[-1].medium.id
        await resuming.deal_with({silent.medium.id: silent for silent in found})


@dataclass
class _Resuming:
    """One run; what it asks of the queues, it asks once."""

    premises: Premises
    recipes: RecipeBook
    before: datetime
    run: Run
    report: Report
    _depths: Mapping[str, int] | None = None
    _begun: dict[str, datetime | None] = field(default_factory=dict)

    async def deal_with(self, batch: Mapping[UUID, Silent]) -> None:
        """Send what is missing of a batch, in one transaction."""
        missing = [silent for silent in batch.values() if not await self._may_wait(silent)]
        missing = await self._unknown_to_the_database(missing)
        self.report.add(WAITING, *(batch.keys() - {silent.medium.id for silent in missing}))
        messages = {
            silent.medium.id: message
            for silent in missing
            if (message := await self._message_for(silent)) is not None
        }
        going = list(messages)
        if messages and not self.run.dry_run:
            originals = {media_id: batch[media_id].medium.original_key for media_id in messages}
            async with self.premises.database.write() as session:
                going = await stalled.resume(
                    session, messages, originals, before=self.before, now=self.run.now, actor=ACTOR
                )
        for model, what in AGAIN.items():
            self.report.add(what, *(each for each in going if type(messages[each]) is model))

    async def _may_wait(self, silent: Silent) -> bool:
        """Return whether its message may be in a queue of the broker, which nobody can look into.

        A queue keeps its order: what was overtaken by a younger job is not in it.
        """
        if self._depths is None:
            self._depths = await self.premises.depths()
        medium = silent.medium
        if _is_admitted(medium) and self._depths.get(INGEST_RECORDS.name, 0):
            return True
        topic = _topic(medium)
        if not self._depths.get(_QUEUES[topic], 0):
            return False
        if topic not in self._begun:
            kind = medium.kind if _is_admitted(medium) else None
            async with self.premises.database.read() as session:
                self._begun[topic] = await stalled.newest_begun(session, lane=medium.lane, kind=kind)
        begun = self._begun[topic]
        return begun is None or begun <= silent.heard_at

    async def _unknown_to_the_database(self, suspects: list[Silent]) -> list[Silent]:
        if not suspects:
            return []
        event_ids = {str(_event_id(silent)): silent for silent in suspects}
        async with self.premises.database.read() as session:
            known = await stalled.known_messages(session, event_ids)
        return [silent for event_id, silent in event_ids.items() if event_id not in known]

    async def _message_for(self, silent: Silent) -> MediaUploaded | MediaAccepted | None:
        """Write the message that moves it on; None, with a line in the report, if there is none."""
        medium = silent.medium
        try:
            store = await self._store_of(medium)
            if store is None:
                self.report.add(LOST, medium.id)
                return None
            if not _is_admitted(medium):
                return uploaded_medium(medium, silent.job_id, store=store, uploaded_at=silent.begun_at)
            recipe = await self.recipes.marked_recipe_for(
                self.premises.database, medium.entity_type, kind=medium.kind, source=store
            )
        except StoreUnavailableError:
            self.report.note("S3 does not answer: what is there is left to a later run")
        except PermanentError as error:
            self.report.note(f"nothing is given to workers: {error}")
        else:
            return accepted_medium(
                medium, silent.job_id, store=store, original_key=medium.original_key, recipe=recipe
            )
        return None

    async def _store_of(self, medium: Row[Any]) -> Store | None:
        """Return where its bytes are: where the row says, or else where they have been brought since.

        A refused original whose verdict was lost is taken back from quarantine, to be judged once more.
        """
        stores = self.premises.stores()
        said, *_ = stores_of(medium.storage_status)
        places = sorted(stores, key=lambda place: place != said)
        for place in places:
            for key in _candidates(medium):
                if await stores[place].stat(key) is not None:
                    return place
        refused = keys.quarantine_key(medium.id)
        for place in places:
            if await stores[place].stat(refused) is None:
                continue
            if _is_admitted(medium) and not self.run.dry_run:
                await stores[place].move(refused, medium.original_key)
            return place
        return None


def _is_admitted(medium: Row[Any]) -> bool:
    return not medium.original_key.startswith(keys.TEMPORARY)


def _topic(medium: Row[Any]) -> str:
    """Return the routing key of the message that it waits for."""
    if _is_admitted(medium):
        return f"{MediaAccepted.wire_name}.{medium.kind}.{medium.lane}"
    return MediaUploaded.wire_name if medium.lane == "interactive" else f"{MediaUploaded.wire_name}.bulk"


def _event_id(silent: Silent) -> UUID:
    model = MediaAccepted if _is_admitted(silent.medium) else MediaUploaded
    return repeatable_id(silent.job_id, model.wire_name)


def _candidates(medium: Row[Any]) -> list[str]:
    """Return where its bytes may be; admission moves them before the row says so."""
    candidates = [medium.original_key]
    if not _is_admitted(medium) and medium.sha256 is not None and medium.media_type in keys.EXTENSIONS:
        prefix = keys.permanent_prefix(medium.id, medium.sha256, medium.created_at)
        candidates.append(keys.original_key(prefix, medium.media_type))
    return candidates
