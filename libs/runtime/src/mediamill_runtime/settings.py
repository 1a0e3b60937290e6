"""Settings from the environment, checked before anything starts.

A service that starts with a wrong value fails hours later, in the middle of somebody's upload. So each value
is checked at start, and every complaint names the environment variable that has to be changed.
"""

from pathlib import Path
from typing import Any, Literal, Self, TypeVar

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from mediamill_runtime.secrets import refuse_weak_secret, refuse_weak_url_password

Environment = Literal["dev", "test", "production"]
LogLevel = Literal["debug", "info", "warning", "error"]
LogFormat = Literal["auto", "json", "text"]
S = TypeVar("S", bound=BaseSettings)
Shared = TypeVar("Shared", bound="SharedSettings")
Identified = TypeVar("Identified", bound="IdentitySettings")


class SettingsError(Exception):
    """The environment is not usable; one line for each variable that is wrong."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class SharedSettings(BaseSettings):
    """What every service reads. A service's own settings inherit from it and add their prefix."""

    model_config = SettingsConfigDict(
        env_ignore_empty=True, extra="ignore", frozen=True, populate_by_name=True, hide_input_in_errors=True
    )

    env: Environment = Field(default="production", validation_alias="MEDIAMILL_ENV")
    """Production unless said otherwise: forgetting the variable must never switch the checks off."""
    log_level: LogLevel = Field(default="info", validation_alias="LOG_LEVEL")
    log_format: LogFormat = Field(default="auto", validation_alias="LOG_FORMAT")
    """`auto` is JSON in production and readable text elsewhere."""
    otlp_endpoint: str | None = Field(
        default=None, validation_alias="OTEL_EXPORTER_OTLP_ENDPOINT", pattern=r"^https?://"
    )
    """Base URL of an OTLP/HTTP collector; without it spans are not recorded, trace ids exist all the same."""
    broker_url: SecretStr = Field(default=SecretStr("embedded://"), validation_alias="BROKER_URL")
    """`amqp://user:password@host/vhost`. Secret because of the password in it."""
    shutdown_grace_seconds: float = Field(default=25, ge=1, le=600, validation_alias="SHUTDOWN_GRACE_SECONDS")
    """Time for work in hand after SIGTERM; below the 30 s after which orchestrators send SIGKILL."""
    trusted_proxies: str = Field(default="127.0.0.1", validation_alias="TRUSTED_PROXIES")
    """Addresses or networks, comma-separated, whose word on a client's address and on HTTPS is believed."""
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65_535)
    """0 takes any free port; the log says which."""

    @property
    def is_production(self) -> bool:
        """Whether weak secrets are refused and technical details stay inside."""
        return self.env == "production"

    @property
    def log_json(self) -> bool:
        """Whether log lines are JSON."""
        return self.log_format == "json" or (self.log_format == "auto" and self.is_production)

    @model_validator(mode="after")
    def _refuse_weak_broker_password(self) -> Self:
        refuse_weak_url_password("BROKER_URL", self.broker_url, self.env)
        return self


class IdentitySettings(SharedSettings):
    """For services that answer to users: how their tokens are verified."""

    jwt_secret: SecretStr | None = Field(default=None, validation_alias="JWT_SECRET")
    """Key of HS256 tokens, at least 32 characters."""
    jwt_jwks_url: str | None = Field(default=None, validation_alias="JWT_JWKS_URL", pattern=r"^https?://")
    """Published keys of the identity provider; takes the place of `JWT_SECRET`."""
    jwt_audience: str | None = Field(default=None, validation_alias="JWT_AUDIENCE")
    """Required in the provider's tokens when set: it signs tokens for other applications too."""
    jwt_issuer: str | None = Field(default=None, validation_alias="JWT_ISSUER")
    """Required in the provider's tokens when set."""

    @model_validator(mode="after")
    def _refuse_weak_jwt_secret(self) -> Self:
        if self.jwt_jwks_url is None or self.jwt_secret is not None:
            refuse_weak_secret("JWT_SECRET", self.jwt_secret, self.env)
        return self


class DatabaseSettings(SharedSettings):
    """For the control plane only: the data plane holds no database password."""

    database_url: SecretStr = Field(
        default=SecretStr("sqlite+aiosqlite:///mediamill.db"), validation_alias="DATABASE_URL"
    )

    @model_validator(mode="after")
    def _refuse_weak_database_password(self) -> Self:
        refuse_weak_url_password("DATABASE_URL", self.database_url, self.env)
        return self


class StorageSettings(SharedSettings):
    """For services that read or write objects."""

    storage_root: Path = Field(default=Path("storage"), validation_alias="STORAGE_ROOT")
    """Folder of the local store; all services of one installation share it."""


def require_broker(settings: Shared) -> Shared:
    """Refuse settings without a RabbitMQ: a validator for services that are a process of their own."""
    if not settings.broker_url.get_secret_value().startswith(("amqp://", "amqps://")):
        raise ValueError("BROKER_URL: amqp://user:password@host/vhost is required")
    return settings


def require_identity(settings: Identified) -> Identified:
    """Refuse settings that give no way to verify tokens: a validator for services that answer to users."""
    if settings.jwt_secret is None and settings.jwt_jwks_url is None:
        raise ValueError("JWT_SECRET: required unless JWT_JWKS_URL is set")
    return settings


def load_settings(settings: type[S], **values: Any) -> S:
    """Read `settings` from the environment, `values` (by field name) taking precedence.

    Raises SettingsError whose lines begin with the name of the environment variable.
    """
    try:
        return settings(**values)
    except ValidationError as error:
        raise SettingsError([_problem(settings, problem) for problem in error.errors()]) from None


def variable_name(settings: type[BaseSettings], field: str) -> str:
    """Return the environment variable that sets `field`, given by its name or its alias."""
    info = settings.model_fields.get(field)
    if info is None:
        return field
    if isinstance(info.validation_alias, str):
        return info.validation_alias
    return f"{settings.model_config.get('env_prefix', '')}{field}".upper()


def _problem(settings: type[BaseSettings], problem: Any) -> str:
    message = problem["msg"].removeprefix("Value error, ")
    if not problem["loc"]:
        return str(message)
    return f"{variable_name(settings, str(problem['loc'][0]))}: {message}"
