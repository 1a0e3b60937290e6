"""What operators decide about the platform, kept in the database over defaults from the environment."""

from mediamill_catalog.settings.default_variants import DEFAULT_VARIANTS, FALLBACK, Variants
from mediamill_catalog.settings.model import DeleteMode, EntitySettings, PlatformSettings, with_variants
from mediamill_catalog.settings.records import (
    FieldProblem,
    Saved,
    SettingsRefusedError,
    history,
    load,
    revision,
    save,
)
from mediamill_catalog.settings.watch import SettingsWatch

__all__ = [
    "DEFAULT_VARIANTS",
    "FALLBACK",
    "DeleteMode",
    "EntitySettings",
    "FieldProblem",
    "PlatformSettings",
    "Saved",
    "SettingsRefusedError",
    "SettingsWatch",
    "Variants",
    "history",
    "load",
    "revision",
    "save",
    "with_variants",
]
