"""Errors that nobody planned, and the API's description."""

import re
from dataclasses import replace
from uuid import UUID

import httpx
import pytest

from mediamill_database import Database
from mediamill_ingest.http.app import build_app
from mediamill_runtime.identity import TokenVerifier
from mediamill_testing.ports import free_port

from .conftest import ON_BOTH_DATABASES, Api

POSTGRES = "postgresql+asyncpg"


async def _broken(api: Api, *, show_details: bool) -> httpx.Response:
    """Ask an application whose database has been closed for good."""
    parts = replace(api.parts, show_details=show_details)
    app = build_app(parts)

    async def fail() -> None:
        raise RuntimeError("password=hunter2 at 10.0.0.3")

    app.add_api_route("/broken", fail)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        return await client.get("/broken")


async def test_production_tells_nothing_technical(api: Api) -> None:
    """An unexpected error shows a code and nothing of its cause; in development it shows the cause."""
    answer = await _broken(api, show_details=False)
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert "hunter2" not in answer.text
    assert "RuntimeError" in (await _broken(api, show_details=True)).json()["detail"]


async def test_a_database_that_is_away_is_asked_again_later(api: Api) -> None:
    """Who reads or uploads meanwhile is told to come back, not that something is wrong."""
    api.app.state.parts = replace(api.parts, database=Database(f"{POSTGRES}://x@127.0.0.1:{free_port()}/x"))
    for answer in (await api.client.get("/api/media", headers=api.as_user()), await api.upload()):
        assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
        assert int(answer.headers["retry-after"]) > 0
    api.app.state.parts = api.parts
    assert (await api.upload()).status_code == 202


async def test_an_identity_provider_that_is_away_signs_nobody_out(api: Api) -> None:
    """A token that cannot be checked now is not called invalid, which would end the session."""
    verifier = TokenVerifier(jwks_url=f"http://127.0.0.1:{free_port()}/keys")
    api.app.state.parts = replace(api.parts, verifier=verifier)
    answer = await api.client.get("/api/media", headers=api.as_user())
    assert (answer.status_code, answer.json()["code"]) == (503, "identity_unavailable")
    assert int(answer.headers["retry-after"]) > 0


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/nothing", 404, "not_found"),
        ("PUT", "/api/media", 405, "method_not_allowed"),
        ("GET", "/api/media?limit=0", 422, "invalid_request"),
        ("GET", "/api/media/not-an-id", 422, "invalid_request"),
    ],
)
async def test_every_refusal_is_a_problem_document(
    api: Api, method: str, path: str, status: int, code: str
) -> None:
    """What the framework refuses has the same shape as what the routes refuse."""
    answer = await api.client.request(method, path, headers=api.as_user())
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status


@ON_BOTH_DATABASES
async def test_nul_is_in_no_text(api: Api) -> None:
    """A database that keeps no NUL is not asked for one: wherever it comes, the request is at fault."""
    for path in ("/api/media?entityId=%00", "/api/users/%00/jobs", f"/media/{UUID(int=1)}/%00"):
        answer = await api.client.get(path, headers=api.as_user("boss", "admin"))
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request"), path
    for field in ("entityId", "alt", "title"):
        answer = await api.upload(fields={field: "a\0b"})
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_field")
    login = {"email": "a\0b@example.org", "password": "nul \0"}
    answer = await api.client.post("/api/auth/login", json=login)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert (await api.upload(name="a\0b.jpg")).status_code == 202


async def test_the_description_is_complete(api: Api) -> None:
    """The description has the upload's form, camelCase answers and a schema for refusals."""
    description = (await api.client.get("/openapi.json")).json()
    upload = description["paths"]["/api/media"]["post"]
    form = upload["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert form["required"] == ["file"]
    assert {"entityType", "entityId", "alt", "title"} <= form["properties"].keys()
    schemas = description["components"]["schemas"]
    assert {"jobId", "mediaId"} <= schemas["UploadAccepted"]["properties"].keys()
    assert {"code", "traceId"} <= schemas["Problem"]["properties"].keys()
    assert upload["responses"]["415"]["content"].keys() == {"application/problem+json"}
    headers = {parameter["name"] for parameter in upload["parameters"]}
    assert headers == {"Idempotency-Key", "Prefer"}
    assert upload["security"] == description["paths"]["/api/media"]["get"]["security"]
    known = description["components"]["securitySchemes"].keys()
    assert {scheme for way in upload["security"] for scheme in way} == known


async def test_the_description_is_shown_without_anybody_elses_help(api: Api) -> None:
    """The page, its script and its style come from here, and its policy lets nothing else in."""
    page = await api.client.get("/docs")
    assert "://" not in page.text
    assert "script-src 'self';" in page.headers["content-security-policy"]
    named = re.findall(r'(?:src|href)="(/[^"]+)"', page.text)
    assert len(named) == 4
    for path in named:
        answer = await api.client.get(path)
        assert (answer.status_code, len(answer.content) > 50) == (200, True), path
    assert "SwaggerUIBundle" in (await api.client.get("/docs/swagger-ui-bundle.js")).text


async def test_the_description_names_each_answer(api: Api) -> None:
    """Whatever is called, with a token or without, answers with a status and a type that are described."""
    description = (await api.client.get("/openapi.json")).json()
    strangers: dict[str, str] = {}
    for headers in (strangers, api.as_user("boss", "superadmin")):
        for path, calls in description["paths"].items():
            for method, call in calls.items():
                address = re.sub(r"\{\w+\}", str(UUID(int=1)), path)
                answer = await api.client.request(method, address, headers=headers)
                described = call["responses"].get(str(answer.status_code))
                assert described is not None, (method, path, answer.status_code, answer.text)
                if answer.status_code >= 400:
                    assert answer.headers["content-type"] in described["content"], (method, path)


async def test_documented_operations_are_distinct(api: Api) -> None:
    """Generated clients need one name for each operation."""
    description = (await api.client.get("/openapi.json")).json()
    ids = [call["operationId"] for path in description["paths"].values() for call in path.values()]
    assert len(ids) == len(set(ids))
