"""Settings of cleanup, from `CLEANUP_*` and the shared names."""

from datetime import timedelta
from typing import Annotated, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, SecretStr, field_validator, model_validator
from pydantic_settings import SettingsConfigDict

from mediamill_catalog.settings import RecipeEnvironment
from mediamill_cleanup.timetable import Timetable
from mediamill_cleanup.usecases.prune_records import Retention
from mediamill_cleanup.usecases.watch_queues import Thresholds
from mediamill_runtime.secrets import refuse_weak_secret
from mediamill_runtime.settings import DatabaseSettings, StorageSettings, require_broker

HOUR_SECONDS = 3_600
DAY_SECONDS = 86_400
_UTC = ZoneInfo("UTC")


def _parsed(expression: str) -> str:
    Timetable(expression, _UTC)
    return expression


Cron = Annotated[str, AfterValidator(_parsed)]


class DutySettings(DatabaseSettings, StorageSettings, RecipeEnvironment):
    """When each duty is due and what it may remove; standalone reads these too."""

    model_config = SettingsConfigDict(env_prefix="CLEANUP_")

    time_zone: str = "UTC"
    """Zone that the cron expressions are read in, as in `Europe/Berlin`."""
    empty_trash_cron: Cron = "0 3 * * *"
    """Media past their retention are removed for good: minute, hour, day, month, weekday; `off` for never."""
    clear_quarantine_cron: Cron = "30 3 * * *"
    """Refused bytes are removed."""
    sweep_temporary_cron: Cron = "10 * * * *"
    """Staged bytes that nothing refers to are removed."""
    expire_uploads_cron: Cron = "20 * * * *"
    """Uploads that were never completed are ended."""
    forget_jobs_cron: Cron = "30 * * * *"
    """Finished jobs are removed."""
    prune_records_cron: Cron = "40 * * * *"
    """Old entries of the inbox, idempotency keys, ended bulk jobs and closed dead letters are removed."""
    mend_drift_cron: Cron = "50 * * * *"
    """Media that are not where their strategy wants them are copied there."""
    resume_stalled_cron: Cron = "0 * * * *"
    """Media whose message was lost are announced again."""
    watch_queues_cron: Cron = "*/5 * * * *"
    """Queues that are too deep raise an alert."""

    temporary_age_seconds: int = Field(default=DAY_SECONDS, ge=1)
    """Age after which staged bytes that nothing refers to are removed; no upload may take as long."""
    upload_age_seconds: int = Field(default=DAY_SECONDS, ge=HOUR_SECONDS)
    """Time after which an upload that was begun and not completed is ended."""
    quarantine_age_seconds: int = Field(default=7 * DAY_SECONDS, ge=0)
    """How long refused bytes can be looked at."""
    completed_jobs_seconds: int = Field(default=DAY_SECONDS, ge=HOUR_SECONDS)
    """How long completed jobs are kept."""
    completed_jobs_kept: int = Field(default=1_000, ge=0)
    """The newest completed jobs; those beyond go earlier, but never within an hour of their end."""
    failed_jobs_seconds: int = Field(default=7 * DAY_SECONDS, ge=HOUR_SECONDS)
    """How long failed and cancelled jobs are kept."""
    idempotency_seconds: int = Field(default=DAY_SECONDS, ge=HOUR_SECONDS)
    """How long a repeated request with an idempotency key gets its first answer."""
    inbox_seconds: int = Field(default=7 * DAY_SECONDS, ge=DAY_SECONDS)
    """How long a message is recognised when it comes again; longer than any message waits in a queue."""
    dead_letters_seconds: int = Field(default=30 * DAY_SECONDS, ge=0)
    """How long dead letters are kept that were replayed or discarded; open ones are kept for ever."""
    sync_jobs_seconds: int = Field(default=30 * DAY_SECONDS, ge=DAY_SECONDS)
    """How long ended sync jobs and watermark jobs are kept."""
    calls_seconds: int = Field(default=DAY_SECONDS, ge=0)
    """How long queued calls that ended are kept with their results."""
    stuck_message_seconds: int = Field(default=600, ge=1)
    """How long a message may wait in the outbox before reports name it."""
    drift_age_seconds: int = Field(default=900, ge=60)
    """How long media may take to get where their strategy wants them before they are sent again."""
    stalled_age_seconds: int = Field(default=6 * HOUR_SECONDS, ge=3 * HOUR_SECONDS)
    """Time without news after which the message of an open job is taken for lost. A broker gives what a
    worker does not answer to another one after two hours, and each try is news."""
    waiting_threshold: int = Field(default=100, ge=1)
    """Messages waiting in one queue above which an alert is raised."""
    dead_letter_threshold: int = Field(default=50, ge=0)
    """Open dead letters of one queue above which an alert is raised."""
    webhook_url: SecretStr | None = None
    """Where alerts are posted as JSON, `http` or `https`, also in the inner network. Some carry secrets."""
    webhook_secret: SecretStr | None = None
    """Key of the signature over each alert, at least 32 characters; required with the address."""

    @field_validator("time_zone")
    @classmethod
    def _require_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"not a time zone: {value!r}") from None
        return value

    @field_validator("webhook_url")
    @classmethod
    def _require_http(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not value.get_secret_value().startswith(("http://", "https://")):
            raise ValueError("an address that begins with http:// or https:// is required")
        return value

    @model_validator(mode="after")
    def _require_webhook_secret(self) -> Self:
        if self.webhook_url is not None:
            refuse_weak_secret("CLEANUP_WEBHOOK_SECRET", self.webhook_secret, self.env)
            if self.webhook_secret is None:
                raise ValueError("CLEANUP_WEBHOOK_SECRET: required with CLEANUP_WEBHOOK_URL")
        return self

    def timetable(self, expression: str) -> Timetable:
        """Read a cron expression in the time zone."""
        return Timetable(expression, ZoneInfo(self.time_zone))

    @property
    def retention(self) -> Retention:
        """How long records are kept."""
        return Retention(
            idempotency_keys=timedelta(seconds=self.idempotency_seconds),
            inbox=timedelta(seconds=self.inbox_seconds),
            dead_letters=timedelta(seconds=self.dead_letters_seconds),
            bulk_jobs=timedelta(seconds=self.sync_jobs_seconds),
            calls=timedelta(seconds=self.calls_seconds),
            stuck_after=timedelta(seconds=self.stuck_message_seconds),
        )

    @property
    def thresholds(self) -> Thresholds:
        """How deep queues may be."""
        return Thresholds(waiting=self.waiting_threshold, dead_letters=self.dead_letter_threshold)


class CleanupSettings(DutySettings):
    """Cleanup as its own process."""

    port: int = Field(default=8000, ge=0, le=65_535)
    database_pool_size: int = Field(default=5, ge=2, le=100)
    """Connections of one replica; duties run one transaction each at a time."""

    _require_broker = model_validator(mode="after")(require_broker)
