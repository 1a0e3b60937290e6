"""Settings as JSON: what is shown, and what may be sent."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_camel

from mediamill_catalog.settings import DeleteMode, MarkSettings, PlatformSettings
from mediamill_console.ports import S3Failure, S3Status
from mediamill_contracts.recipe import StorageStrategy, VariantSpec
from mediamill_web.schemas import Answer


class WatermarkView(MarkSettings):
    """A mark; names are camelCase on the wire."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")


class VariantView(VariantSpec):
    """A variant to derive; names are camelCase on the wire."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")


class EntityView(Answer):
    """What holds for one entity type; null leaves it to the general settings."""

    strategy: StorageStrategy | None = None
    variants: list[VariantView] | None = None
    watermark: WatermarkView | None = None


class S3StatusView(Answer):
    """How S3 is: asked for at most twice a minute."""

    state: Literal["connected", "disabled", "failing"]
    message: str
    code: S3Failure | None
    checked_at: datetime | None


class SettingsView(Answer):
    """All settings in force."""

    default_storage_strategy: StorageStrategy
    delete_mode: DeleteMode
    soft_delete_retention_days: int
    auto_cleanup_enabled: bool
    s3_enabled: bool
    s3_auto_sync: bool
    s3_delete_with_local: bool
    s3_bucket: str | None
    s3_region: str
    s3_endpoint: str | None
    s3_public_url: str | None
    s3_status: S3StatusView
    entity_types: dict[str, EntityView]


class EntityPatch(EntityView):
    """What changes for one entity type: only what is named; null puts it back to its default."""

    model_config = ConfigDict(extra="forbid")


class SettingsPatch(Answer):
    """A merge patch (RFC 7396): only what is named changes; null puts a setting back to its default."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"deleteMode": "soft", "softDeleteRetentionDays": 60},
                {"s3Enabled": True, "s3Bucket": "photos", "defaultStorageStrategy": "local_first"},
                {"entityTypes": {"avatar": {"strategy": "both", "variants": None}}},
            ]
        },
    )

    default_storage_strategy: StorageStrategy | None = None
    delete_mode: DeleteMode | None = None
    soft_delete_retention_days: int | None = None
    auto_cleanup_enabled: bool | None = None
    s3_enabled: bool | None = None
    s3_auto_sync: bool | None = None
    s3_delete_with_local: bool | None = None
    s3_bucket: str | None = None
    s3_region: str | None = None
    s3_endpoint: str | None = None
    s3_public_url: str | None = None
    entity_types: dict[str, EntityPatch | None] | None = None

    def changes(self) -> dict[str, Any]:
        """Return what was named, in the model's names."""
        return self.model_dump(mode="json", exclude_unset=True)


class S3TestRequest(Answer):
    """A location to try out before it is saved; what is not named is as in the settings."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"s3Bucket": "photos", "s3Region": "eu-central-1"}, {}]},
    )

    s3_bucket: str | None = None
    s3_region: str | None = None
    s3_endpoint: str | None = None


class S3TestResult(Answer):
    """Whether objects can be listed and written there, and if not, why."""

    success: bool
    message: str
    bucket: str | None
    object_count: int | None = Field(description="Objects in the bucket; null when they cannot be listed.")
    object_count_is_minimum: bool = Field(description="There are more: counting is bounded.")
    code: S3Failure | None = Field(description="Why it cannot be used; null when it can.")


class SettingChangeView(Answer):
    """Who changed a setting when, and from what to what; null is the default."""

    id: int
    setting: str = Field(examples=["s3Bucket", "entityTypes.avatar"])
    old_value: Any
    new_value: Any
    changed_by: str
    changed_at: datetime


class SettingHistory(Answer):
    """Changes, newest first."""

    items: list[SettingChangeView]
    next_cursor: int | None


def settings_view(settings: PlatformSettings, status: S3Status) -> SettingsView:
    """Return settings as JSON shows them."""
    values = settings.model_dump()
    return SettingsView(**values, s3_status=S3StatusView.model_validate(status))


def wire_path(path: tuple[str, ...]) -> str:
    """Return the path to a field in the names that clients know; names of entity types stay as they are."""
    head, *rest = path
    if head != "entity_types" or not rest:
        return ".".join(to_camel(part) for part in path)
    return ".".join(["entityTypes", rest[0], *(to_camel(part) for part in rest[1:])])


def wire_value(value: Any) -> Any:
    """Return a kept value with the names of its fields in camelCase."""
    if isinstance(value, Mapping):
        return {to_camel(name): wire_value(item) for name, item in value.items()}
    if isinstance(value, list):
        return [wire_value(item) for item in value]
    return value
