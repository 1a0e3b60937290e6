"""A wrong value is found before anything starts, and named by its variable."""

from datetime import timedelta

import pytest

from mediamill_cleanup.settings import CleanupSettings, DutySettings
from mediamill_runtime.settings import SettingsError, load_settings

SECRET = "k9Xw2-qT7vLm4_pR8sDf1gHj6zNb3cYa"


def problem(monkeypatch: pytest.MonkeyPatch, **variables: str) -> str:
    """Return what is said of an environment."""
    monkeypatch.setenv("DATABASE_URL", "sqlite+aiosqlite:///:memory:")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        load_settings(DutySettings)
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CLEANUP_EMPTY_TRASH_CRON", "at three"),
        ("CLEANUP_WATCH_QUEUES_CRON", "*/5 * * *"),
        ("CLEANUP_SWEEP_TEMPORARY_CRON", "0 0 30 2 *"),
        ("CLEANUP_TIME_ZONE", "Middle/Earth"),
        ("CLEANUP_UPLOAD_AGE_SECONDS", "60"),
        ("CLEANUP_WEBHOOK_URL", "ftp://alerts.example"),
    ],
)
def test_wrong_values_are_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """The complaint begins with the variable that has to be changed."""
    assert problem(monkeypatch, **{name: value}).startswith(f"{name}: ")


def test_a_webhook_needs_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """Alerts that nobody can verify are not sent; the address itself stays out of the complaint."""
    said = problem(monkeypatch, CLEANUP_WEBHOOK_URL="https://alerts.example/token-in-the-path")
    assert "CLEANUP_WEBHOOK_SECRET" in said
    assert "token-in-the-path" not in said


def test_the_environment_makes_the_schedule(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cron expressions, zone and limits are taken over; a duty can be switched off."""
    monkeypatch.setenv("CLEANUP_TIME_ZONE", "Europe/Berlin")
    monkeypatch.setenv("CLEANUP_EMPTY_TRASH_CRON", "off")
    monkeypatch.setenv("CLEANUP_INBOX_SECONDS", "1000000")
    monkeypatch.setenv("CLEANUP_WEBHOOK_URL", "http://10.0.0.7/alerts")
    monkeypatch.setenv("CLEANUP_WEBHOOK_SECRET", SECRET)
    settings = load_settings(DutySettings)
    assert settings.time_zone == "Europe/Berlin"
    assert settings.empty_trash_cron == "off"
    assert settings.retention.inbox == timedelta(seconds=1_000_000)


def test_a_process_of_its_own_needs_a_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without one its events would wait for ever."""
    monkeypatch.setenv("BROKER_URL", "embedded://")
    with pytest.raises(SettingsError, match="BROKER_URL"):
        load_settings(CleanupSettings)
