"""Changes the settings of the platform, unless media would be lost from sight by that."""

from collections.abc import Mapping
from typing import Any

from mediamill_catalog import audit
from mediamill_catalog.audit import Act
from mediamill_catalog.settings import PlatformSettings, Saved, is_s3_in_use, save
from mediamill_catalog.tables import utc_now
from mediamill_database import Database

SETTINGS_CHANGED = "settings.changed"
"""Name of the act in the audit; who changed what from what to what is in the settings' own history."""


class S3InUseError(Exception):
    """The bucket or the endpoint would change while media are in S3 or on their way there."""


async def change_settings(
    database: Database, changes: Mapping[str, Any], *, changed_by: str, defaults: PlatformSettings
) -> PlatformSettings:
    """Apply a merge patch and return the settings then in force; all of it or nothing.

    Raises SettingsRefusedError with the fields that are wrong, and S3InUseError.
    """
    async with database.write() as session:
        saved = await save(session, changes, changed_by=changed_by, defaults=defaults)
        if _moves_s3(saved) and await is_s3_in_use(session):
            raise S3InUseError
        if saved.keys:
            act = Act(changed_by, SETTINGS_CHANGED, utc_now(), detail={"settings": list(saved.keys)})
            await audit.record(session, act)
    return saved.after


def _moves_s3(saved: Saved) -> bool:
    """Return whether objects would be looked for elsewhere; region and public URL may be corrected."""
    before, after = saved.before, saved.after
    return before.s3_bucket is not None and (before.s3_bucket, before.s3_endpoint) != (
        after.s3_bucket,
        after.s3_endpoint,
    )
