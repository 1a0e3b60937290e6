"""What operators decide about the platform, kept in the database over defaults from the environment."""

from mediamill_catalog.settings.default_variants import DEFAULT_VARIANTS, FALLBACK, Variants
from mediamill_catalog.settings.environment import PlatformEnvironment, RecipeEnvironment
from mediamill_catalog.settings.model import (
    DeleteMode,
    EntitySettings,
    MarkSettings,
    PlatformSettings,
    with_variants,
)
from mediamill_catalog.settings.records import (
    FieldProblem,
    Saved,
    SettingsRefusedError,
    history,
    load,
    revision,
    save,
)
from mediamill_catalog.settings.s3_usage import is_s3_in_use
from mediamill_catalog.settings.watch import SettingsWatch

__all__ = [
    "DEFAULT_VARIANTS",
    "FALLBACK",
    "DeleteMode",
    "EntitySettings",
    "FieldProblem",
    "MarkSettings",
    "PlatformEnvironment",
    "PlatformSettings",
    "RecipeEnvironment",
    "Saved",
    "SettingsRefusedError",
    "SettingsWatch",
    "Variants",
    "history",
    "is_s3_in_use",
    "load",
    "revision",
    "save",
    "with_variants",
]
