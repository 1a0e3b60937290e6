"""A worker has copied a medium to its message's folder: from now on that is where it is."""

from mediamill_catalog.relocations import Surroundings, settle_relocation
from mediamill_catalog.tables import utc_now
from mediamill_contracts.relocation import RelocationCompleted
from mediamill_database import Database


async def record_relocation(database: Database, event: RelocationCompleted, around: Surroundings) -> None:
    """Let the rows name the copies, or have these removed when the medium went another way meanwhile."""
    async with database.write() as session:
        await settle_relocation(session, event, around, now=utc_now())
