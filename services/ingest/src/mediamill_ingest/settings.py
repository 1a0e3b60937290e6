"""Settings of ingest, from `INGEST_*` and the shared names."""

from typing import Annotated, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from mediamill_catalog.settings import RecipeEnvironment
from mediamill_runtime.secrets import MIN_PASSWORD_CHARACTERS, refuse_weak_secret
from mediamill_runtime.settings import (
    DatabaseSettings,
    IdentitySettings,
    StorageSettings,
    require_broker,
    require_identity,
)
from mediamill_storage.inspection import DEFAULT_ACCEPTED, AcceptancePolicy
from mediamill_storage.keys import EXTENSIONS


class UploadSettings(IdentitySettings, DatabaseSettings, StorageSettings, RecipeEnvironment):
    """What guards uploads and decides what is made of them; standalone reads these too."""

    model_config = SettingsConfigDict(env_prefix="INGEST_")

    accepted_types: Annotated[frozenset[str], NoDecode] = DEFAULT_ACCEPTED
    """Comma-separated media types, as in `image/jpeg,image/png`; each needs a worker that can decode it."""
    max_image_bytes: int = Field(default=10_000_000, ge=1, le=1_000_000_000)
    """Photographs of today's phones and cameras stay below 10 MB as JPEG."""
    max_video_bytes: int = Field(default=50_000_000, ge=1)
    max_bulk_files: int = Field(default=1_000, ge=1, le=10_000)
    """Files in one bulk request."""
    max_bulk_bytes: int = Field(default=10_000_000_000, ge=1)
    """Bytes of one bulk request: 1,000 photos of the largest size. None of it is held in memory."""
    uploads_per_minute: int = Field(default=10, ge=1, le=10_000)
    """Uploads to S3 that one user may begin in a minute, counted over all replicas."""
    sync_threshold: int = Field(default=5, ge=0, validation_alias="SYNC_THRESHOLD")
    """`Prefer: wait` is honoured while fewer jobs than this are open: who waits must not wait for others."""
    late_object_seconds: float = Field(default=30, ge=0, le=600)
    """How long bytes that a gateway announced may take to appear in the store."""
    old_key_seconds: float = Field(default=600, ge=0, le=86_400)
    """How long objects that moved to a message's folder stay where they were, for URLs signed before."""
    token_lifetime_seconds: int = Field(default=8 * 3600, ge=60, le=30 * 86_400)
    """A working day between sign-ins; nothing revokes a token before that."""
    admin_email: str | None = Field(default=None, validation_alias="MEDIAMILL_ADMIN_EMAIL", max_length=254)
    admin_password: SecretStr | None = Field(default=None, validation_alias="MEDIAMILL_ADMIN_PASSWORD")
    """The first superadmin's; made at the first start only."""

    @field_validator("accepted_types", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return frozenset(part.strip().lower() for part in value.split(",") if part.strip())
        return value

    @field_validator("accepted_types")
    @classmethod
    def _refuse_unknown_types(cls, value: frozenset[str]) -> frozenset[str]:
        unknown = sorted(value - EXTENSIONS.keys())
        if unknown or not value:
            raise ValueError(f"not a media type we know: {', '.join(unknown) or '(none given)'}")
        return value

    @model_validator(mode="after")
    def _refuse_weak_admin_password(self) -> Self:
        if self.admin_password is not None:
            refuse_weak_secret(
                "MEDIAMILL_ADMIN_PASSWORD",
                self.admin_password,
                self.env,
                min_characters=MIN_PASSWORD_CHARACTERS,
            )
        return self

    @property
    def policy(self) -> AcceptancePolicy:
        """Which files are taken."""
        return AcceptancePolicy(
            self.accepted_types, {"image": self.max_image_bytes, "video": self.max_video_bytes}
        )


class IngestSettings(UploadSettings):
    """Ingest as its own process."""

    port: int = Field(default=8000, ge=0, le=65_535)
    database_pool_size: int = Field(default=10, ge=1, le=200)
    """Connections of one replica; admission and records together seldom need more than ten."""

    _require_broker = model_validator(mode="after")(require_broker)
    _require_identity = model_validator(mode="after")(require_identity)
