"""Admins read settings, superadmins change them, and everybody can see who did."""

import asyncio
import json
from typing import Any

import pytest
from sqlalchemy import select

from mediamill_catalog.core import AUDIT
from mediamill_catalog.tables import MediaStatus, StorageStatus
from mediamill_console.settings import OperatorSettings
from mediamill_runtime.identity import Role
from mediamill_runtime.settings import SettingsError, load_settings
from mediamill_testing.waiting import eventually

from .conftest import Console, OpenConsole

S3 = {"s3Enabled": True, "s3Bucket": "photos", "s3Region": "eu-central-1"}


async def test_settings_begin_with_the_environment(open_console: OpenConsole) -> None:
    """Everything the contract names is there, by its name."""
    console = await open_console(storage_strategy="local_first", s3_bucket_name="photos")
    settings = (await console.ask("GET", "/settings", role="admin")).json()
    assert set(settings) == {
        "defaultStorageStrategy",
        "deleteMode",
        "softDeleteRetentionDays",
        "autoCleanupEnabled",
        "s3Enabled",
        "s3AutoSync",
        "s3DeleteWithLocal",
        "s3Bucket",
        "s3Region",
        "s3Endpoint",
        "s3PublicUrl",
        "s3Status",
        "entityTypes",
    }
    assert (settings["defaultStorageStrategy"], settings["s3Bucket"]) == ("local_first", "photos")
    assert settings["s3Status"]["state"] == "disabled"
    assert [variant["name"] for variant in settings["entityTypes"]["avatar"]["variants"]] == [
        "large",
        "medium",
        "thumb",
    ]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/settings", {"admin", "superadmin"}),
        ("GET", "/settings/history", {"admin", "superadmin"}),
        ("PUT", "/settings", {"superadmin"}),
        ("POST", "/settings/test-s3", {"superadmin"}),
    ],
)
async def test_roles(console: Console, method: str, path: str, allowed: set[str]) -> None:
    """Nobody gets 401, a missing role 403; nothing was done then."""
    roles: tuple[Role | None, ...] = (None, "user", "admin", "superadmin")
    body: dict[str, Any] | None = None if method == "GET" else {}
    answers = {role: await console.ask(method, path, body, role=role) for role in roles}
    assert answers[None].status_code == 401
    for role in ("user", "admin", "superadmin"):
        assert answers[role].status_code == (200 if role in allowed else 403), role
    assert answers["user"].json()["code"] == "forbidden"


async def test_change_in_part(console: Console) -> None:
    """What is not named stays; null puts back; the next reader sees it."""
    changed = await console.put(
        {"softDeleteRetentionDays": 7, "entityTypes": {"avatar": {"watermark": {"text": "mine"}}}}
    )
    assert (changed["softDeleteRetentionDays"], changed["deleteMode"]) == (7, "soft")
    avatar = changed["entityTypes"]["avatar"]
    assert (avatar["watermark"]["text"], len(avatar["variants"])) == ("mine", 3)
    await console.put({"softDeleteRetentionDays": None})
    seen = (await console.ask("GET", "/settings")).json()
    assert seen["softDeleteRetentionDays"] == 30
    assert seen["entityTypes"]["avatar"]["watermark"]["text"] == "mine"
    mark = {"imageId": "01890a5d-ac96-774b-bcce-b302099a8057", "position": "center"}
    changed = await console.put({"entityTypes": {"avatar": {"watermark": mark}}})
    assert changed["entityTypes"]["avatar"]["watermark"]["imageId"] == "01890a5d-ac96-774b-bcce-b302099a8057"


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"softDeleteRetentionDays": 0}, ["softDeleteRetentionDays"]),
        ({"softDeleteRetentionDays": "soon"}, ["softDeleteRetentionDays"]),
        ({"deleteMode": "shred"}, ["deleteMode"]),
        ({"s3Bucket": "No Such Name"}, ["s3Bucket"]),
        ({"s3PublicUrl": "javascript:alert(1)"}, ["s3PublicUrl"]),
        ({"s3Enabled": True}, ["s3Enabled"]),
        ({"defaultStorageStrategy": "s3_only"}, ["defaultStorageStrategy"]),
        ({"entityTypes": {"avatar": {"strategy": "both"}}}, ["entityTypes.avatar.strategy"]),
        ({"entityTypes": {"avatar": {"variants": []}}}, ["entityTypes.avatar.variants"]),
        (
            {
                "entityTypes": {
                    "my_type": {"watermark": {"text": "a", "imageId": "01890a5d-ac96-774b-bcce-b302099a8057"}}
                }
            },
            ["entityTypes.my_type.watermark"],
        ),
        ({"s3Secret": "hunter2"}, ["s3Secret"]),
        ({"s3Endpoint": "http://127.0.0.1:9000"}, ["s3Endpoint"]),
        ({"s3Endpoint": "http://169.254.169.254"}, ["s3Endpoint"]),
        ({"s3Endpoint": "http://name-that-nobody-knows.invalid"}, ["s3Endpoint"]),
        ({"s3Endpoint": "gopher://example.com"}, ["s3Endpoint"]),
    ],
)
async def test_wrong_values_are_named(console: Console, body: dict[str, Any], fields: list[str]) -> None:
    """A problem document says which fields to mend, and nothing of the change is kept."""
    answer = await console.ask("PUT", "/settings", body | {"autoCleanupEnabled": False})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert [error["field"] for error in problem["errors"]] == fields
    assert "hunter2" not in answer.text
    assert (await console.ask("GET", "/settings")).json()["autoCleanupEnabled"] is True


async def test_body_that_is_no_json_is_refused(console: Console) -> None:
    """It is the sender's mistake, not a failure of ours."""
    headers = console.headers("superadmin")
    answer = await console.client.put("/api/admin/media/settings", content=b"{", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


async def test_s3_needs_keys(open_console: OpenConsole) -> None:
    """Enabling S3 that no worker could sign requests for is refused at once."""
    console = await open_console()
    answer = await console.ask("PUT", "/settings", S3)
    assert [error["field"] for error in answer.json()["errors"]] == ["s3Enabled"]


async def test_history_says_who_what_and_when(console: Console) -> None:
    """Newest first, page by page, in the names of the API; an audit line for each change."""
    await console.put(S3)
    await console.put({"entityTypes": {"my_type": {"watermark": {"text": "mine"}}}})
    await console.put({"entityTypes": {"my_type": None}, "s3Bucket": "photos"})
    first = (await console.ask("GET", "/settings/history?limit=2", role="admin")).json()
    assert [item["setting"] for item in first["items"]] == ["entityTypes.my_type"] * 2
    gone, came = first["items"]
    assert (gone["newValue"], came["oldValue"], gone["changedBy"]) == (None, None, "olga")
    assert came["newValue"]["watermark"]["imageId"] is None
    rest = (await console.ask("GET", f"/settings/history?cursor={first['nextCursor']}")).json()
    assert {item["setting"] for item in rest["items"]} == {"s3Bucket", "s3Enabled", "s3Region"}
    assert rest["nextCursor"] is None
    async with console.database.read() as session:
        acts = (await session.execute(select(AUDIT.c.actor, AUDIT.c.action))).all()
    assert [tuple(act) for act in acts] == [("olga", "settings.changed")] * 3
    announced = [json.loads(payload) for payload in await console.emitted("settings.changed")]
    assert [message["changed_by"] for message in announced] == ["olga"] * 3


async def test_other_replica_follows(open_console: OpenConsole) -> None:
    """A change made at one console holds at the other."""
    one, other = await open_console(), await open_console()
    await one.put({"deleteMode": "hard"})
    assert (await other.ask("GET", "/settings")).json()["deleteMode"] == "hard"
    await eventually(lambda: other.parts.settings.current.delete_mode == "hard")


@pytest.mark.parametrize(
    "medium",
    [
        {"status": MediaStatus.READY, "storage_status": StorageStatus.BOTH},
        {"status": MediaStatus.READY, "storage_status": StorageStatus.S3},
        {"status": MediaStatus.FAILED, "storage_status": StorageStatus.S3},
        {"status": MediaStatus.PROCESSING, "storage_strategy": "both"},
    ],
)
async def test_bucket_stays_while_media_are_in_it(console: Console, medium: dict[str, Any]) -> None:
    """What the rows claim would else be looked for where it is not; all else may change."""
    await console.put(S3)
    await console.add_medium(**medium)
    moves: tuple[dict[str, Any], ...] = (
        {"s3Bucket": "others"},
        {"s3Endpoint": "https://8.8.8.8"},
        {"s3Bucket": None, "s3Enabled": False},
    )
    for change in moves:
        answer = await console.ask("PUT", "/settings", change)
        assert (answer.status_code, answer.json()["code"]) == (409, "s3_in_use")
    changed = await console.put({"s3Enabled": False, "s3PublicUrl": "https://cdn.example.com"})
    assert (changed["s3Bucket"], changed["s3Enabled"]) == ("photos", False)


@pytest.mark.parametrize(
    "medium",
    [
        {"status": MediaStatus.READY},
        {"status": MediaStatus.EXPIRED, "storage_status": StorageStatus.S3},
        {"status": MediaStatus.FAILED, "storage_status": StorageStatus.S3, "original_key": None},
    ],
    ids=["here alone", "expired", "refused bytes are gone"],
)
async def test_bucket_may_change_while_nothing_is_in_it(console: Console, medium: dict[str, Any]) -> None:
    """Media that have nothing there do not mind."""
    await console.put(S3)
    await console.add_medium(**medium)
    assert (await console.put({"s3Bucket": "others"}))["s3Bucket"] == "others"


async def test_two_operators_at_once(console: Console) -> None:
    """Of two changes that do not go together one is refused, whichever comes second."""
    await console.put(S3)
    changes = ({"s3Enabled": False}, {"defaultStorageStrategy": "both"})
    answers = await asyncio.gather(*(console.ask("PUT", "/settings", change) for change in changes))
    assert sorted(answer.status_code for answer in answers) == [200, 422]


async def test_description_has_examples_and_no_loose_ends(console: Console) -> None:
    """Each reference in the OpenAPI document leads somewhere, and the patch comes with examples."""
    description = (await console.client.get("/openapi.json")).json()
    text = json.dumps(description)
    schemas = description["components"]["schemas"]
    body = description["paths"]["/api/admin/media/settings"]["put"]["requestBody"]
    references = {part.split('"')[0] for part in text.split('"$ref": "')[1:]}
    assert references
    assert references <= {f"#/components/schemas/{name}" for name in schemas}
    assert body["content"]["application/json"]["schema"]["examples"]


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("STORAGE_STRATEGY", "somewhere"),
        ("MEDIA_VARIANTS", "not json"),
        ("MEDIA_VARIANTS", '{"avatar": [{"name": "large", "width": 0, "height": 5}]}'),
        ("S3_BUCKET_NAME", "No Such Name"),
    ],
)
def test_wrong_environment_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    """The complaint begins with the environment variable that has to be changed."""
    monkeypatch.setenv("MEDIAMILL_ENV", "test")
    monkeypatch.setenv("JWT_SECRET", "a key for the tests that is long enough")
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError, match=f"^{variable}"):
        load_settings(OperatorSettings)
