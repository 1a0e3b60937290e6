"""What the bytes of media are, as admission found them: known once, by whoever looks first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, update
from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_catalog.core import MEDIA
from mediamill_catalog.media import OPEN


@dataclass(frozen=True)
class Examination:
    """What the bytes of a medium were found to be."""

    media_id: UUID
    kind: str
    media_type: str
    size_bytes: int
    sha256: str


_NOTE_EXAMINATION = (
    update(MEDIA)
    .where(MEDIA.c.id == bindparam("examined_id"), MEDIA.c.status.in_(OPEN), MEDIA.c.sha256.is_(None))
    .values(
        kind=bindparam("examined_kind"),
        media_type=bindparam("examined_type"),
        size_bytes=bindparam("examined_size"),
        sha256=bindparam("examined_sha256"),
        updated_at=bindparam("examined_at"),
    )
)


async def note_examinations(
    session: AsyncSession, examinations: Sequence[Examination], *, now: datetime
) -> None:
    """Write what the bytes of open media were found to be, unless that is known already."""
    await session.execute(
        _NOTE_EXAMINATION,
        [
            {
                "examined_id": found.media_id,
                "examined_kind": found.kind,
                "examined_type": found.media_type,
                "examined_size": found.size_bytes,
                "examined_sha256": found.sha256,
                "examined_at": now,
            }
            for found in sorted(examinations, key=lambda found: found.media_id)
        ],
    )
