"""A worker has copied a medium to its message's folder: from now on that is where it is."""

from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_catalog.relocations import Surroundings, record_lost_relocation, settle_relocation
from mediamill_catalog.tables import utc_now
from mediamill_contracts.relocation import RelocationCompleted
from mediamill_database import Database
from mediamill_messaging.transport import DeadLetter


async def record_relocation(database: Database, event: RelocationCompleted, around: Surroundings) -> None:
    """Let the rows name the copies, or have these removed when the medium went another way meanwhile."""
    async with database.write() as session:
        await settle_relocation(session, event, around, now=utc_now())


async def record_dead_relocation(session: AsyncSession, letter: DeadLetter) -> None:
    """Note in the medium's timeline that it did not get there, in the transaction that stores the letter."""
    await record_lost_relocation(session, letter.payload, letter.code, now=utc_now())
