"""What one reconciliation is about."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from mediamill_catalog.settings import PlatformSettings
from mediamill_cleanup.duty import Run
from mediamill_cleanup.premises import Premises
from mediamill_contracts.recipe import Store
from mediamill_storage.object_store import ObjectStore

YOUNG = timedelta(days=1)
"""What is younger is never judged: it may be on its way."""


@dataclass(frozen=True)
class Scope:
    """Where to look, by which settings, and whether to look only (`run.dry_run`)."""

    premises: Premises
    platform: PlatformSettings
    stores: Mapping[Store, ObjectStore]
    """Stores to compare; the others are only asked for what one of these misses."""
    run: Run

    @property
    def limit(self) -> datetime:
        """What is from before then can be judged."""
        return self.run.now - YOUNG
