"""Deletes rows that the broker has confirmed, those of a short while with one transaction."""

import asyncio

import structlog
from sqlalchemy import bindparam, delete

from mediamill_database import Database
from mediamill_outbox.tables import outbox

LINGER_SECONDS = 1.0
"""How long the first confirmed row waits for company. After a crash so much is sent again."""

_DELETE = delete(outbox).where(outbox.c.id == bindparam("sent_id"))
logger = structlog.get_logger(__name__)


class SentRows:
    """Confirmed rows that are not deleted yet. Whatever is lost of it is sent again when its hold ends."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._ids: list[int] = []
        self._task: asyncio.Task[None] | None = None

    def add(self, row_id: int) -> None:
        """Have a row deleted soon."""
        self._ids.append(row_id)
        if self._task is None:
            self._task = asyncio.create_task(self._delete_soon(), name="outbox-sent-rows")

    async def flush(self) -> None:
        """Delete now what waits."""
        ids, self._ids = self._ids, []
        if not ids:
            return
        try:
            async with self._database.write() as session:
                await session.execute(_DELETE, [{"sent_id": row_id} for row_id in ids])
        except Exception:
            logger.exception(
                "confirmed messages could not be deleted; they will be sent again", count=len(ids)
            )

    async def close(self) -> None:
        """Wait until everything is deleted."""
        if self._task is not None:
            await self._task
        await self.flush()

    async def _delete_soon(self) -> None:
        await asyncio.sleep(LINGER_SECONDS)
        self._task = None
        await self.flush()
