import pytest
from pydantic import Field
from pydantic_settings import SettingsConfigDict

from mediamill_runtime.settings import (
    DatabaseSettings,
    IdentitySettings,
    SettingsError,
    SharedSettings,
    load_settings,
)

GOOD_SECRET = "kJ8#fmq2-Zr5!tWx9_hLc3@vBn6^yDs1"


class ExampleSettings(IdentitySettings):
    model_config = SettingsConfigDict(env_prefix="EXAMPLE_")

    workers: int = Field(default=2, ge=1)


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch):
    """Give each test an environment without Mediamill's variables."""
    for name in ("MEDIAMILL_ENV", "JWT_SECRET", "JWT_JWKS_URL", "BROKER_URL", "DATABASE_URL", "EXAMPLE_PORT"):
        monkeypatch.delenv(name, raising=False)


def test_shared_and_own_variables_are_read(monkeypatch):
    """Shared values come from their own names, a service's from its prefix."""
    monkeypatch.setenv("MEDIAMILL_ENV", "dev")
    monkeypatch.setenv("EXAMPLE_PORT", "9000")
    monkeypatch.setenv("EXAMPLE_WORKERS", "5")
    settings = load_settings(ExampleSettings)
    assert (settings.env, settings.port, settings.workers) == ("dev", 9000, 5)


def test_production_is_the_default():
    """Forgetting MEDIAMILL_ENV does not switch the checks off."""
    assert load_settings(SharedSettings).is_production


def test_errors_name_the_variable(monkeypatch):
    """Each wrong value is reported in one line that begins with its variable."""
    monkeypatch.setenv("MEDIAMILL_ENV", "staging")
    monkeypatch.setenv("EXAMPLE_WORKERS", "0")
    monkeypatch.setenv("EXAMPLE_PORT", "http")
    with pytest.raises(SettingsError) as caught:
        load_settings(ExampleSettings)
    names = {problem.split(":")[0] for problem in caught.value.problems}
    assert names == {"MEDIAMILL_ENV", "EXAMPLE_WORKERS", "EXAMPLE_PORT"}


@pytest.mark.parametrize(
    "secret",
    [None, "", "   ", "secret", "changeme123", "secretsecretsecretsecretsecretsecret", "a" * 40, "hunter2"],
)
def test_weak_secrets_are_refused_in_production(secret):
    """A missing, empty, default, repeated or short secret stops the start."""
    with pytest.raises(SettingsError) as caught:
        load_settings(IdentitySettings, env="production", jwt_secret=secret)
    assert str(caught.value).startswith("JWT_SECRET: ")


@pytest.mark.parametrize("env", ["dev", "test"])
def test_weak_secrets_pass_in_development(env):
    """On a developer's machine nothing has to be configured."""
    assert load_settings(IdentitySettings, env=env, jwt_secret="secret").jwt_secret is not None


def test_a_good_secret_or_published_keys_pass_in_production():
    """Either a strong shared secret or the URL of published keys is enough."""
    assert load_settings(IdentitySettings, jwt_secret=GOOD_SECRET).jwt_jwks_url is None
    assert load_settings(IdentitySettings, jwt_jwks_url="https://id.example.com/keys").jwt_secret is None


@pytest.mark.parametrize(
    ("variable", "field", "url"),
    [
        ("BROKER_URL", "broker_url", "amqp://guest:guest@rabbit/"),
        ("BROKER_URL", "broker_url", "amqp://rabbit/"),
        ("DATABASE_URL", "database_url", "postgresql+asyncpg://media:postgres@db/media"),
    ],
)
def test_default_passwords_in_urls_are_refused_in_production(variable, field, url):
    """A well-known or missing password in a URL stops the start."""
    with pytest.raises(SettingsError, match=variable):
        load_settings(DatabaseSettings, **{field: url})


def test_urls_without_a_server_need_no_password():
    """The embedded bus and SQLite have nothing to log in to."""
    settings = load_settings(DatabaseSettings, database_url="sqlite+aiosqlite:///data/media.db")
    assert settings.broker_url.get_secret_value() == "embedded://"


def test_secrets_do_not_show():
    """Neither the representation of the settings nor that of a field shows a secret."""
    settings = load_settings(IdentitySettings, jwt_secret=GOOD_SECRET)
    assert GOOD_SECRET not in repr(settings)
    assert GOOD_SECRET not in str(settings.jwt_secret)
