"""Settings of the notifier, from `NOTIFIER_*`."""

from typing import Annotated

from pydantic import Field, field_validator, model_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from mediamill_runtime.settings import IdentitySettings, require_broker


class SocketSettings(IdentitySettings):
    """What guards the sockets; standalone reads these too."""

    model_config = SettingsConfigDict(env_prefix="NOTIFIER_")

    allowed_origins: Annotated[tuple[str, ...], NoDecode] = ()
    """Comma-separated origins of pages that may connect, like `https://app.example.com`; empty: our own."""
    max_sockets: int = Field(default=10_000, ge=1)
    """Sockets of one replica; each takes about 50 kB."""
    max_sockets_per_user: int = Field(default=20, ge=1)
    """Tabs and devices of one user on one replica."""
    max_frame_bytes: int = Field(default=65_536, ge=1_024)
    """Clients send nothing but their token."""
    handshake_seconds: float = Field(default=10, gt=0)
    """Time from the connection to a valid token."""
    ping_interval_seconds: float = Field(default=25, gt=0)
    ping_timeout_seconds: float = Field(default=20, gt=0)
    """A peer that has not answered a ping for this long is gone."""

    @field_validator("allowed_origins", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip().rstrip("/") for part in value.split(",") if part.strip())
        return value

    @field_validator("allowed_origins")
    @classmethod
    def _refuse_wildcards(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for origin in value:
            if "*" in origin or not origin.startswith(("https://", "http://")):
                raise ValueError(f"{origin!r} is not an origin like https://app.example.com")
        return value


class NotifierSettings(SocketSettings):
    """The notifier as its own process."""

    port: int = Field(default=8002, ge=0, le=65_535)

    _require_broker = model_validator(mode="after")(require_broker)
