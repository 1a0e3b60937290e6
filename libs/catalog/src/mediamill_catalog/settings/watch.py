"""The settings in force, at hand without a query: a service acts on a change within seconds."""

import structlog

from mediamill_catalog.settings.model import PlatformSettings
from mediamill_catalog.settings.records import load, revision
from mediamill_database import Database
from mediamill_runtime.periodic import Periodic

LOOK_SECONDS = 2.0
"""Changes act within five seconds; a look is one row from the end of an index."""

_log = structlog.get_logger(__name__)


class SettingsWatch:
    """Keeps `current` true to the database, also when nobody is told of a change."""

    def __init__(
        self,
        database: Database,
        defaults: PlatformSettings | None = None,
        *,
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        self._database = database
        self.defaults = defaults or PlatformSettings()
        self._current = self.defaults
        self._revision = 0
        self._looks = Periodic("settings", look_seconds, self.look)

    @property
    def current(self) -> PlatformSettings:
        """The settings in force; the same object until something changes."""
        return self._current

    async def start(self) -> None:
        """Read the settings, and look for changes from now on. Raises when they cannot be read."""
        await self.look()
        self._looks.start()

    async def stop(self) -> None:
        """Look no more; `current` stays what it is."""
        await self._looks.stop()

    async def look(self) -> None:
        """Read the settings if there is a change since the last look."""
        async with self._database.read() as session:
            newest = await revision(session)
            if newest == self._revision:
                return
            self._current = await load(session, self.defaults)
        self._revision = newest
        _log.info("settings have changed", revision=newest)
