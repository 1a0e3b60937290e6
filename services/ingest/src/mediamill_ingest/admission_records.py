"""What admission reads and writes about a medium on the way to its order.

Uploads that are at the same step at about the same time share its transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from mediamill_catalog import media
from mediamill_catalog.examinations import Examination, note_examinations
from mediamill_catalog.tables import utc_now
from mediamill_contracts.media import MediaUploaded
from mediamill_database import Database
from mediamill_ingest.examination import Examined
from mediamill_ingest.group_commit import PACE_SECONDS, GroupCommit, Submitted
from mediamill_ingest.metrics import count_added
from mediamill_ingest.registration import announced_registration, register_unknown


@dataclass(frozen=True)
class _Announced:
    event: MediaUploaded
    found: Examined | None


class AdmissionRecords:
    """The rows of media that wait for admission."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._finding = GroupCommit(self._find, pace_seconds=PACE_SECONDS)
        self._entering = GroupCommit(self._enter)
        self._noting = GroupCommit(self._note)

    async def find(self, media_id: UUID) -> Row[Any] | None:
        """Return the row of a medium, or None."""
        return await self._finding.submit(media_id)

    async def enter(self, event: MediaUploaded, found: Examined | None) -> Row[Any] | None:
        """Make the row of a medium of which a gateway's announcement is the first word, and return it.

        `found` is what its bytes are, if anybody has looked. Another delivery's row stays as it is. Raises
        PermanentError(`id_taken`) when the job id belongs to another upload.
        """
        return await self._entering.submit(_Announced(event, found))

    async def note(self, examination: Examination) -> Row[Any] | None:
        """Write down what an open medium's bytes are, unless that is known already; return its row."""
        return await self._noting.submit(examination)

    async def _find(self, batch: Sequence[Submitted[UUID]]) -> Sequence[Row[Any] | None]:
        async with self._database.read() as session:
            found = await media.find_many(session, [submitted.item for submitted in batch])
        return [found.get(submitted.item) for submitted in batch]

    async def _enter(self, batch: Sequence[Submitted[_Announced]]) -> Sequence[Row[Any] | None]:
        registrations = [
            each.context.run(announced_registration, each.item.event, each.item.found) for each in batch
        ]
        wanted = [each.item.event.media_id for each in batch]
        async with self._database.write() as session:
            new = await register_unknown(session, registrations)
            known = await media.find_many(session, set(wanted) - new.keys()) if len(new) < len(wanted) else {}
        for medium in new.values():
            count_added(medium.entity_type, medium.lane)
        found = {**known, **new}
        return [found.get(media_id) for media_id in wanted]

    async def _note(self, batch: Sequence[Submitted[Examination]]) -> Sequence[Row[Any] | None]:
        examinations = [each.item for each in batch]
        async with self._database.write() as session:
            await note_examinations(session, examinations, now=utc_now())
            found = await media.find_many(session, [each.media_id for each in examinations])
        return [found.get(each.media_id) for each in examinations]
