"""Settings of the console, from `CONSOLE_*` and the shared names."""

from pydantic import Field, model_validator
from pydantic_settings import SettingsConfigDict

from mediamill_catalog.settings import PlatformEnvironment
from mediamill_catalog.sync_planning import SyncLimits
from mediamill_contracts.sync import MAX_FILES
from mediamill_runtime.settings import DatabaseSettings, IdentitySettings, require_broker, require_identity


class OperatorSettings(IdentitySettings, DatabaseSettings, PlatformEnvironment):
    """Who may operate the platform, and what they start from; standalone reads these too."""

    model_config = SettingsConfigDict(env_prefix="CONSOLE_")

    sync_split_from: int | None = Field(default=None, ge=1, le=MAX_FILES)
    """Files from which on a transfer is cut into batches; 100 unless set, 50 with SQLite."""
    sync_batch_files: int | None = Field(default=None, ge=1, le=MAX_FILES)
    """Files of one batch; 200 unless set, 50 with SQLite. A message holds no more than 200."""

    def sync_limits(self, dialect: str) -> SyncLimits:
        """Return how transfers are cut on this kind of database."""
        usual = SyncLimits.of_dialect(dialect)
        return SyncLimits(
            self.sync_split_from or usual.split_from, self.sync_batch_files or usual.batch_files
        )


class ConsoleSettings(OperatorSettings):
    """The console as its own process."""

    port: int = Field(default=8003, ge=0, le=65_535)
    database_pool_size: int = Field(default=5, ge=1, le=200)
    """Connections of one replica; operators are few."""

    _require_broker = model_validator(mode="after")(require_broker)
    _require_identity = model_validator(mode="after")(require_identity)
