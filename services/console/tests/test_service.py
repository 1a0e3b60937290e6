"""The console as a process: starts clearly or not at all, and takes changes while the broker is away."""

from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from mediamill_catalog.revision import SchemaNotCurrentError
from mediamill_console.main import build_service
from mediamill_console.settings import ConsoleSettings
from mediamill_runtime.identity import TokenIssuer
from mediamill_runtime.settings import SettingsError, load_settings

from .conftest import KEY

NOBODY_THERE = "amqp://someone:secret@127.0.0.1:1/"


def _settings(database_url: str) -> ConsoleSettings:
    return load_settings(
        ConsoleSettings,
        env="test",
        database_url=SecretStr(database_url),
        broker_url=SecretStr(NOBODY_THERE),
        jwt_secret=SecretStr(KEY),
    )


async def test_unmigrated_database_ends_the_start(tmp_path: Path) -> None:
    """Rather than to fail with the first call."""
    service = build_service(_settings(f"sqlite+aiosqlite:///{tmp_path / 'empty.sqlite3'}"))
    with pytest.raises(SchemaNotCurrentError):
        await service.start()
    await service.stop()


async def test_changes_are_taken_while_the_broker_is_away(migrated_sqlite_url: str) -> None:
    """Ready, and what is announced waits in the outbox."""
    service = build_service(_settings(migrated_sqlite_url))
    await service.start()
    try:
        token = TokenIssuer(KEY, lifetime_seconds=600).issue("olga", "superadmin")
        transport = httpx.ASGITransport(app=service.app)
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(transport=transport, base_url="http://console", headers=headers) as http:
            ready = await http.get("/health/ready")
            assert (ready.status_code, set(ready.json()["checks"])) == (200, {"database"})
            changed = await http.put("/api/admin/media/settings", json={"deleteMode": "hard"})
            assert changed.json()["deleteMode"] == "hard"
            assert "media_outbox_pending" in (await http.get("/metrics")).text
            assert (await http.get("/asyncapi/")).status_code == 200
    finally:
        await service.stop()


@pytest.mark.parametrize(
    ("variable", "value"),
    [("BROKER_URL", "embedded://"), ("JWT_SECRET", ""), ("CONSOLE_SYNC_BATCH_FILES", "201")],
)
def test_wrong_environment_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    """The complaint begins with the environment variable that has to be changed."""
    monkeypatch.setenv("MEDIAMILL_ENV", "test")
    monkeypatch.setenv("BROKER_URL", NOBODY_THERE)
    monkeypatch.setenv("JWT_SECRET", KEY)
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError, match=f"^{variable}"):
        load_settings(ConsoleSettings)
