"""Settings of the dispatcher, from `DISPATCHER_*`."""

from typing import Self

from pydantic import Field, model_validator
from pydantic_settings import SettingsConfigDict

from mediamill_runtime.settings import StorageSettings


class CallSettings(StorageSettings):
    """When an upstream counts as dead; standalone reads these too."""

    model_config = SettingsConfigDict(env_prefix="DISPATCHER_")

    breaker_failures: int = Field(default=5, ge=1)
    """Failures in a row after which calls are kept away from an upstream."""
    breaker_seconds: float = Field(default=30, gt=0)
    """How long, before one call may try again."""


class DispatcherSettings(CallSettings):
    """The dispatcher as its own process."""

    port: int = Field(default=8007, ge=0, le=65_535)

    @model_validator(mode="after")
    def _require_broker(self) -> Self:
        if not self.broker_url.get_secret_value().startswith(("amqp://", "amqps://")):
            raise ValueError("BROKER_URL: amqp://user:password@host/vhost is required")
        return self
