"""Settings of storage-sync, from `STORAGE_SYNC_*`."""

from pydantic import Field, model_validator
from pydantic_settings import SettingsConfigDict

from mediamill_runtime.s3_settings import S3Settings
from mediamill_runtime.settings import StorageSettings, require_broker


class TransferSettings(S3Settings, StorageSettings):
    """How much is moved at once, and how long it waits for a store that is away."""

    model_config = SettingsConfigDict(env_prefix="STORAGE_SYNC_")

    parallel_files: int = Field(default=20, ge=1, le=256)
    """Files in transfer at the same time, of all batches in hand together. Standalone on SQLite: 5."""
    parallel_batches: int = Field(default=4, ge=1, le=64)
    """Batches in hand at the same time: one upload's transfer does not wait for a batch of hundreds."""
    patience_seconds: float = Field(default=75, ge=0, le=1_200)
    """Time for which files are tried again, at growing intervals, when their store does not answer. The
    broker gives up on a batch after two hours."""


class StorageSyncSettings(TransferSettings):
    """Settings of storage-sync as a process of its own."""

    _require_broker = model_validator(mode="after")(require_broker)
