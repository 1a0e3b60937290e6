"""Settings are changed in part, checked as a whole, written down, and seen by everybody soon."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from sqlalchemy import select

from mediamill_catalog.settings import (
    DEFAULT_VARIANTS,
    EntitySettings,
    PlatformSettings,
    Saved,
    SettingsRefusedError,
    SettingsWatch,
    history,
    load,
    revision,
    save,
)
from mediamill_database import Database
from mediamill_outbox.tables import outbox
from mediamill_testing.waiting import eventually

S3 = {"s3_enabled": True, "s3_bucket": "photos"}
SMALL = {"name": "small", "width": 64, "height": 64}


async def _save(
    database: Database, changes: Mapping[str, Any], defaults: PlatformSettings | None = None
) -> Saved:
    async with database.write() as session:
        return await save(session, changes, changed_by="olga", defaults=defaults)


async def _load(database: Database, defaults: PlatformSettings | None = None) -> PlatformSettings:
    async with database.read() as session:
        return await load(session, defaults)


async def test_change_in_part_leaves_the_rest_to_the_defaults(database: Database) -> None:
    """What nobody decided follows the environment, also when that changes later."""
    await _save(database, {"delete_mode": "hard"}, PlatformSettings(s3_region="eu-west-1"))
    settings = await _load(database, PlatformSettings(s3_region="eu-north-1"))
    assert (settings.delete_mode, settings.s3_region) == ("hard", "eu-north-1")
    assert settings.soft_delete_retention_days == 30


async def test_null_puts_a_setting_back(database: Database) -> None:
    """A decision can be taken back: for one setting, one field of an entity type, or all of it."""
    await _save(
        database, {"soft_delete_retention_days": 7, "entity_types": {"avatar": {"variants": [SMALL]}}}
    )
    await _save(database, {"entity_types": {"avatar": {"watermark": {"text": "mine"}}}})
    avatar = (await _load(database)).entity_types["avatar"]
    assert [variant.name for variant in avatar.variants or ()] == ["small"]
    assert avatar.watermark is not None
    await _save(
        database, {"soft_delete_retention_days": None, "entity_types": {"avatar": {"watermark": None}}}
    )
    assert (await _load(database)).watermark_of("avatar") is None
    await _save(database, {"entity_types": {"avatar": None}})
    assert await _load(database) == PlatformSettings()


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"soft_delete_retention_days": 0}, ("soft_delete_retention_days",)),
        ({"delete_mode": "shred"}, ("delete_mode",)),
        ({"s3_bucket": "No Such Name"}, ("s3_bucket",)),
        ({"s3_endpoint": "https://user:password@host"}, ("s3_endpoint",)),
        ({"s3_enabled": True}, ("s3_enabled",)),
        ({"default_storage_strategy": "both"}, ("default_storage_strategy",)),
        ({"entity_types": {"avatar": {"strategy": "s3_only"}}}, ("entity_types", "avatar", "strategy")),
        ({"entity_types": {"avatar": {"variants": [SMALL, SMALL]}}}, ("entity_types", "avatar")),
        ({"entity_types": {"avatar": {"watermark": {}}}}, ("entity_types", "avatar", "watermark")),
        ({"entity_types": {"avatar": "large"}}, ("entity_types", "avatar")),
        ({"entity_types": {"Not A Name": {"strategy": "local_only"}}}, ("entity_types", "Not A Name")),
        (
            {"entity_types": {"avatar": {"variants": [SMALL | {"width": 0}]}}},
            ("entity_types", "avatar", "variants", "0", "width"),
        ),
        ({"colour": "red"}, ("colour",)),
        ({"entity_types": []}, ("entity_types",)),
    ],
)
async def test_wrong_value_is_refused_by_the_name_of_its_field(
    database: Database, changes: Mapping[str, Any], path: tuple[str, ...]
) -> None:
    """Nothing of the change is kept, and whoever asked learns what to mend."""
    with pytest.raises(SettingsRefusedError) as refused:
        await _save(database, {"delete_mode": "hard", **changes})
    assert [problem.path for problem in refused.value.problems] == [path]
    assert await _load(database) == PlatformSettings()


async def test_s3_is_not_switched_off_under_a_strategy_that_needs_it(database: Database) -> None:
    """The field to blame is the strategy: it would silently stay without effect."""
    await _save(database, S3 | {"entity_types": {"listing": {"strategy": "both"}}})
    with pytest.raises(SettingsRefusedError, match=r"entity_types\.listing\.strategy"):
        await _save(database, {"s3_enabled": False})
    await _save(database, {"s3_enabled": False, "entity_types": {"listing": {"strategy": None}}})
    assert (await _load(database)).s3_location is None


async def test_contradiction_of_the_environment_does_not_forbid_other_changes(database: Database) -> None:
    """An operator is not blamed for what was so before; such a strategy falls back to the local store."""
    defaults = PlatformSettings(default_storage_strategy="both")
    saved = await _save(database, {"delete_mode": "hard"}, defaults)
    assert saved.after.strategy_of("general") == "local_only"


async def test_every_change_is_written_down_and_announced(database: Database) -> None:
    """Who, what, from and to; a change to what is so already is none."""
    await _save(database, S3)
    await _save(database, S3 | {"s3_bucket": "paintings"})
    assert (await _save(database, {"s3_bucket": "paintings"})).keys == ()
    async with database.read() as session:
        lines = await history(session, limit=2)
        rest = await history(session, limit=50, before=lines[-1].id)
        announced = (await session.execute(select(outbox.c.type))).scalars().all()
        assert lines[0].id == await revision(session)
    told = [(line.key, line.old_value, line.new_value, line.changed_by) for line in lines]
    assert told[0] == ("s3_bucket", "photos", "paintings", "olga")
    assert {line.key for line in (lines[1], *rest)} == {"s3_enabled", "s3_bucket"}
    assert announced == ["settings.changed"] * 2


async def test_changes_at_the_same_time_cannot_contradict_each_other(database: Database) -> None:
    """One of two operators is refused: S3 off, and a strategy that needs it."""
    await _save(database, S3)
    outcomes = await asyncio.gather(
        _save(database, {"s3_enabled": False}),
        _save(database, {"default_storage_strategy": "s3_only"}),
        return_exceptions=True,
    )
    assert [type(outcome) for outcome in outcomes].count(SettingsRefusedError) == 1
    assert not list((await _load(database)).contradictions())


async def test_watch_sees_what_another_process_changed(database: Database) -> None:
    """No message is needed, and `current` stays the same object while nothing changes."""
    watch = SettingsWatch(database, PlatformSettings(s3_region="eu-west-1"), look_seconds=0.05)
    assert watch.current.s3_region == "eu-west-1"
    await _save(database, {"delete_mode": "hard"})
    await watch.start()
    try:
        before = watch.current
        assert before.delete_mode == "hard"
        await watch.look()
        assert watch.current is before
        await _save(database, S3)
        await eventually(lambda: watch.current.s3_location is not None)
        location = watch.current.s3_location
        assert location is not None
        assert (location.bucket, location.region) == ("photos", "eu-west-1")
    finally:
        await watch.stop()


def test_entity_types_follow_the_general_one() -> None:
    """An unknown type gets the general variants and the default strategy; its own decisions win."""
    settings = PlatformSettings(
        s3_enabled=True,
        s3_bucket="photos",
        default_storage_strategy="both",
        entity_types={"avatar": EntitySettings(strategy="local_only")},
    )
    assert settings.strategy_of("invented") == "both"
    assert settings.strategy_of("avatar") == "local_only"
    assert settings.variants_of("avatar") == DEFAULT_VARIANTS["general"]


def test_disabled_s3_can_still_be_found() -> None:
    """Nothing new goes there, but what is there stays within reach."""
    settings = PlatformSettings(s3_enabled=False, s3_bucket="photos")
    assert settings.s3_location is None
    assert settings.known_s3_location is not None
