"""Settings say which variable is wrong before anything starts, and recipes can be replaced."""

import pytest

from mediamill_catalog.recipes import RecipeBook
from mediamill_ingest.settings import IngestSettings, UploadSettings
from mediamill_runtime.settings import SettingsError, load_settings

USABLE = {
    "MEDIAMILL_ENV": "test",
    "BROKER_URL": "amqp://someone:secret@broker/",
    "JWT_SECRET": "a key for the tests that is long enough",
}


def _load(monkeypatch: pytest.MonkeyPatch, **variables: str) -> IngestSettings:
    for name, value in (USABLE | variables).items():
        monkeypatch.setenv(name, value)
    return load_settings(IngestSettings)


def _recipes(settings: IngestSettings) -> RecipeBook:
    defaults = settings.platform_defaults
    return RecipeBook(lambda: defaults, settings.picture_limits)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("BROKER_URL", "embedded://"),
        ("JWT_SECRET", ""),
        ("INGEST_ACCEPTED_TYPES", "image/jpeg,image/x-unknown"),
        ("INGEST_MAX_PIXELS", "many"),
        ("MEDIA_VARIANTS", '{"avatar": [{"name": "large", "width": 0, "height": 5}]}'),
        ("MEDIA_VARIANTS", "not json"),
    ],
)
def test_wrong_value_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    """The complaint begins with the environment variable that has to be changed."""
    with pytest.raises(SettingsError, match=f"^{variable}"):
        _load(monkeypatch, **{variable: value})


def test_defaults_serve_every_entity_type(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each recipe has the three names pages rely on; an unknown type gets the general one."""
    recipes = _recipes(_load(monkeypatch))
    for entity_type in ("general", "listing", "avatar", "banner", "invented"):
        names = [variant.name for variant in recipes.recipe_for(entity_type).variants]
        assert names == ["large", "medium", "thumb"]
    assert recipes.recipe_for("invented") == recipes.recipe_for("general")
    assert recipes.recipe_for("general").variants[2].format == "jpeg"


def test_environment_replaces_one_recipe_and_the_limits_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not named keeps its default."""
    settings = _load(
        monkeypatch,
        MEDIA_VARIANTS='{"avatar": [{"name": "tiny", "width": 48, "height": 48, "quality": 70}]}',
        INGEST_MAX_PIXELS="5000000",
    )
    recipes = _recipes(settings)
    avatar, general = recipes.recipe_for("avatar"), recipes.recipe_for("general")
    assert [(variant.name, variant.quality) for variant in avatar.variants] == [("tiny", 70)]
    assert len(general.variants) == 3
    assert general.limits.max_pixels == 5_000_000


def test_upload_rules_are_what_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """Types and sizes reach the policy that both ways into the system apply."""
    policy = _load(monkeypatch, INGEST_ACCEPTED_TYPES="image/png", INGEST_MAX_IMAGE_BYTES="1000").policy
    assert policy.accepted_types == {"image/png"}
    assert policy.largest_bytes == 1000


def test_known_admin_password_is_refused_in_production() -> None:
    """An installation cannot go live with the password from the documentation."""
    with pytest.raises(SettingsError, match=r"^MEDIAMILL_ADMIN_PASSWORD"):
        load_settings(
            UploadSettings,
            env="production",
            jwt_secret="kX9-long-and-random-enough-to-sign-with",
            admin_password="changeme",
        )
