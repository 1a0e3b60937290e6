"""From where a worker put a medium's objects to where they belong, once the medium is ready.

The record claims what is true at that moment. What is missing is copied, what lies where it does not belong
is removed, both by transfers that are asked for in the same transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_catalog.placement import status_of, wanted_stores
from mediamill_catalog.settings import PlatformSettings
from mediamill_catalog.sync_automatic import request_copy, request_removal
from mediamill_catalog.tables import StorageStatus
from mediamill_contracts.media import MediaProcessed
from mediamill_contracts.recipe import StorageStrategy, Store


@dataclass(frozen=True)
class Placement:
    """Where a medium's objects are, and what has to happen to them."""

    media_id: UUID
    claims: tuple[Store, ...]
    missing: Store | None
    """Store that the medium belongs in and is not in."""
    leaves: bool
    """Once it is in the missing store, it does not belong where it is now."""
    stray: Store | None
    """Store that holds the original alone, and should not."""
    original_key: str

    @property
    def status(self) -> StorageStatus:
        """What the record says."""
        return status_of(self.claims)


def place(result: MediaProcessed, strategy: StorageStrategy, settings: PlatformSettings) -> Placement:
    """Compare where the worker put things with where media of this strategy belong."""
    wanted = wanted_stores(strategy, settings)
    at_home = tuple(store for store in result.stored_in if store in wanted)
    claims = at_home or result.stored_in
    source = result.source.store
    return Placement(
        result.media_id,
        claims,
        missing=next((store for store in wanted if store not in result.stored_in), None),
        leaves=not at_home,
        stray=source if source not in (*wanted, *claims) else None,
        original_key=result.source.key,
    )


async def bring_home(
    session: AsyncSession, placements: Sequence[Placement], settings: PlatformSettings, *, now: datetime
) -> None:
    """Ask for the transfers that READY media need."""
    location = settings.known_s3_location
    for placement in placements:
        if placement.missing is not None and location is not None:
            await request_copy(
                session,
                [placement.media_id],
                placement.missing,
                s3=location,
                now=now,
                delete_source=placement.leaves,
            )
        if placement.stray is not None:
            await request_removal(
                session,
                [placement.media_id],
                placement.stray,
                s3=location,
                now=now,
                keys=[placement.original_key],
            )
