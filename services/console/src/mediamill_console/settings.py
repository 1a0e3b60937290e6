"""Settings of the console, from `CONSOLE_*` and the shared names."""

from typing import Self

from pydantic import Field, model_validator
from pydantic_settings import SettingsConfigDict

from mediamill_catalog.settings import PlatformEnvironment
from mediamill_runtime.settings import DatabaseSettings, IdentitySettings


class OperatorSettings(IdentitySettings, DatabaseSettings, PlatformEnvironment):
    """Who may operate the platform, and what they start from; standalone reads these too."""

    model_config = SettingsConfigDict(env_prefix="CONSOLE_")


class ConsoleSettings(OperatorSettings):
    """The console as its own process."""

    port: int = Field(default=8003, ge=0, le=65_535)
    database_pool_size: int = Field(default=5, ge=1, le=200)
    """Connections of one replica; operators are few."""

    @model_validator(mode="after")
    def _require_broker(self) -> Self:
        if not self.broker_url.get_secret_value().startswith(("amqp://", "amqps://")):
            raise ValueError("BROKER_URL: amqp://user:password@host/vhost is required")
        return self

    @model_validator(mode="after")
    def _require_identity(self) -> Self:
        if self.jwt_secret is None and self.jwt_jwks_url is None:
            raise ValueError("JWT_SECRET: required unless JWT_JWKS_URL is set")
        return self
