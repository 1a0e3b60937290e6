"""Settings of the dispatcher, from `DISPATCHER_*`."""

from pydantic import Field, model_validator
from pydantic_settings import SettingsConfigDict

from mediamill_runtime.settings import StorageSettings, require_broker


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

    _require_broker = model_validator(mode="after")(require_broker)
