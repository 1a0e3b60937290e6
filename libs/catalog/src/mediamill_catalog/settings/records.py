"""Reading and changing the settings: only what differs from the defaults has a row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Row, delete, func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_catalog.core import SETTING_CHANGES, SETTINGS
from mediamill_catalog.settings.model import PlatformSettings
from mediamill_catalog.tables import utc_now
from mediamill_contracts.platform import SettingsChanged
from mediamill_outbox import emit

_ENTITY = "entity_types."
Rows = dict[str, Any]


@dataclass(frozen=True)
class FieldProblem:
    """A value that cannot be taken: the path to its field, in the model's names, and why."""

    path: tuple[str, ...]
    message: str


class SettingsRefusedError(Exception):
    """Nothing was changed; each problem names its field."""

    def __init__(self, problems: Sequence[FieldProblem]) -> None:
        super().__init__("; ".join(f"{'.'.join(problem.path)}: {problem.message}" for problem in problems))
        self.problems = problems


@dataclass(frozen=True)
class Saved:
    """Settings before and after a change, and the keys that changed; none when all was so already."""

    before: PlatformSettings
    after: PlatformSettings
    keys: tuple[str, ...]


async def load(session: AsyncSession, defaults: PlatformSettings | None = None) -> PlatformSettings:
    """Return the settings in force: `defaults` with what operators decided in their place.

    Keys that this release does not know are left alone. Raises pydantic.ValidationError for a value that it
    cannot use.
    """
    return _settings(defaults or PlatformSettings(), await _rows(session))


async def revision(session: AsyncSession) -> int:
    """Return a number that grows with every change; 0 before the first."""
    newest = await session.execute(select(func.max(SETTING_CHANGES.c.id)))
    return newest.scalar_one() or 0


async def save(
    session: AsyncSession,
    changes: Mapping[str, Any],
    *,
    changed_by: str,
    defaults: PlatformSettings | None = None,
) -> Saved:
    """Change what `changes` names, write down who changed what, and emit `settings.changed`.

    `changes` is a merge patch (RFC 7396) in the model's names and JSON values: None puts a setting, an entity
    type or a field of one back to its default; lists are replaced whole. The caller's transaction is a
    `Database.write()`; others that change settings wait for its end. Raises SettingsRefusedError.
    """
    defaults = defaults or PlatformSettings()
    await _wait_for_turn(session)
    old = await _rows(session)
    before = _settings(defaults, old)
    new = _patched(old, changes)
    after = _checked(defaults, before, new)
    new = {key: _stored(after, key, value) for key, value in new.items()}
    keys = tuple(sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key)))
    if keys:
        await _write(session, old, new, keys, changed_by)
    return Saved(before, after, keys)


async def history(session: AsyncSession, *, limit: int, before: int | None = None) -> Sequence[Row[Any]]:
    """Return up to `limit` changes, newest first, older than the change with the id `before`."""
    statement = select(SETTING_CHANGES).order_by(SETTING_CHANGES.c.id.desc()).limit(limit)
    if before is not None:
        statement = statement.where(SETTING_CHANGES.c.id < before)
    return (await session.execute(statement)).all()


async def _rows(session: AsyncSession) -> Rows:
    found = await session.execute(select(SETTINGS.c.key, SETTINGS.c.value))
    return {row.key: row.value for row in found if _is_known(row.key)}


def _is_known(key: str) -> bool:
    return key.startswith(_ENTITY) or key in PlatformSettings.model_fields


async def _wait_for_turn(session: AsyncSession) -> None:
    """One change at a time: two that are sensible alone may not go together, and revisions must grow."""
    if session.get_bind().dialect.name == "postgresql":
        await session.execute(text("LOCK TABLE setting IN SHARE ROW EXCLUSIVE MODE"))


def _settings(defaults: PlatformSettings, rows: Rows) -> PlatformSettings:
    values = defaults.model_dump(mode="json")
    for key, value in rows.items():
        if key.startswith(_ENTITY):
            entity_type = key.removeprefix(_ENTITY)
            values["entity_types"][entity_type] = values["entity_types"].get(entity_type, {}) | value
        else:
            values[key] = value
    return PlatformSettings.model_validate(values)


def _patched(rows: Rows, changes: Mapping[str, Any]) -> Rows:
    flat = {key: value for key, value in changes.items() if key != "entity_types"}
    entities = changes.get("entity_types", {})
    unknown = [key for key in flat if key not in PlatformSettings.model_fields]
    if unknown or not isinstance(entities, Mapping):
        problems = [FieldProblem((key,), "there is no such setting") for key in unknown]
        raise SettingsRefusedError(problems or [FieldProblem(("entity_types",), "not an object")])
    for name, patch in entities.items():
        key = _ENTITY + str(name)
        flat[key] = patch if patch is None else _merged(rows.get(key, {}), patch, str(name))
    kept = {key: value for key, value in rows.items() if key not in flat}
    return kept | {key: value for key, value in flat.items() if value is not None}


def _merged(old: Mapping[str, Any], patch: Any, name: str) -> Rows | None:
    if not isinstance(patch, Mapping):
        raise SettingsRefusedError([FieldProblem(("entity_types", name), "not an object")])
    merged = {field: value for field, value in {**old, **patch}.items() if value is not None}
    return merged or None


def _checked(defaults: PlatformSettings, before: PlatformSettings, rows: Rows) -> PlatformSettings:
    """Return the settings that `rows` make; refuse wrong values, and contradictions that are new."""
    try:
        after = _settings(defaults, rows)
    except ValidationError as error:
        raise SettingsRefusedError(_problems(error)) from error
    known = set(before.contradictions())
    new = [FieldProblem(*found) for found in after.contradictions() if found not in known]
    if new:
        raise SettingsRefusedError(new)
    return after


def _problems(error: ValidationError) -> list[FieldProblem]:
    """Return one problem a field; that a list lacks the item that was wrong is no problem of its own."""
    found = {
        tuple(str(part) for part in line["loc"] if part != "[key]"): line["msg"].removeprefix("Value error, ")
        for line in error.errors()
    }
    return [
        FieldProblem(path, message)
        for path, message in found.items()
        if not any(other[: len(path)] == path for other in found if other != path)
    ]


def _stored(settings: PlatformSettings, key: str, value: Any) -> Any:
    """Return a value as it is kept: normalised by the model, but only the fields that were given."""
    if not key.startswith(_ENTITY):
        return settings.model_dump(mode="json", include={key})[key]
    entity = settings.entity_types[key.removeprefix(_ENTITY)]
    return entity.model_dump(mode="json", include=set(value))


async def _write(session: AsyncSession, old: Rows, new: Rows, keys: Sequence[str], changed_by: str) -> None:
    now = utc_now()
    await session.execute(delete(SETTINGS).where(SETTINGS.c.key.in_(keys)))
    kept = [
        {"key": key, "value": new[key], "updated_by": changed_by, "updated_at": now}
        for key in keys
        if key in new
    ]
    if kept:
        await session.execute(insert(SETTINGS).inline(), kept)
    lines = [
        {
            "key": key,
            "old_value": old.get(key),
            "new_value": new.get(key),
            "changed_by": changed_by,
            "changed_at": now,
        }
        for key in keys
    ]
    await session.execute(insert(SETTING_CHANGES).inline(), lines)
    sections = tuple(sorted({key.split(".")[0] for key in keys}))
    changed = SettingsChanged(
        revision=await revision(session), sections=sections, changed_by=changed_by, changed_at=now
    )
    await emit(session, changed)
