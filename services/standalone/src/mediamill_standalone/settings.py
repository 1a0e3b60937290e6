"""Settings of standalone, from `MEDIAMILL_*`: all of them have defaults, so that the first run needs none."""

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from mediamill_runtime.settings import LogFormat, SharedSettings


class StandaloneSettings(SharedSettings):
    """Where it listens and keeps its data; uploads, sockets and decoders are set as in the services."""

    model_config = SettingsConfigDict(env_prefix="MEDIAMILL_")

    home: Path = Path(".mediamill")
    """Folder of the database, the objects and the signing key."""
    database_url: SecretStr | None = Field(default=None, validation_alias="DATABASE_URL")
    """SQLite in the data folder unless another database is named."""
    log_format: LogFormat = Field(default="text", validation_alias="LOG_FORMAT")
    """Somebody reads along."""

    @property
    def uses_broker(self) -> bool:
        """Whether RabbitMQ carries the messages; without it, the embedded bus does."""
        return self.broker_url.get_secret_value().startswith(("amqp://", "amqps://"))
