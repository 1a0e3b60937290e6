"""A queued call from the request to the picture in the caller's library; the upstream fails at first."""

import asyncio
import base64
from collections.abc import AsyncIterator, Iterator
from uuid import UUID

import httpx
import pytest
from aiohttp import web

from mediamill_client import MediamillClient
from mediamill_testing.photos import PhotoCorpus
from mediamill_testing.ports import free_port, release_port
from mediamill_testing.system import ADMIN_EMAIL, ADMIN_PASSWORD, MediamillSystem, ServiceProcess
from mediamill_testing.waiting import eventually


@pytest.fixture(scope="module")
def upstream_port() -> Iterator[int]:
    """Keep a port for the upstream."""
    port = free_port()
    yield port
    release_port(port)


@pytest.fixture(scope="module")
def dispatcher(system: MediamillSystem, upstream_port: int) -> Iterator[ServiceProcess]:
    """Run a dispatcher beside the other services."""
    environment = {
        "MEDIAMILL_ENV": "test",
        "BROKER_URL": system.broker_url_of("dispatcher"),
        "STORAGE_ROOT": str(system.storage),
        "IMAGE_API_BASE_URL": f"http://127.0.0.1:{upstream_port}/v1",
        "IMAGE_API_API_KEY": "a-key-that-must-not-leak",
    }
    service = ServiceProcess("dispatcher", environment, scratch=system.scratch).start()
    yield service
    service.close()


@pytest.fixture
async def failures(upstream_port: int, photo_corpus: PhotoCorpus) -> AsyncIterator[list[int]]:
    """Run an image endpoint that answers with these statuses first, and with a picture then."""
    statuses: list[int] = []
    [photo] = photo_corpus.photos(1, accept=lambda kind: kind == "image/jpeg")
    picture = base64.b64encode(await asyncio.to_thread(photo.path.read_bytes)).decode()

    async def answer(_request: web.Request) -> web.Response:
        if statuses:
            return web.Response(status=statuses.pop(0), text="a secret of the upstream")
        return web.json_response({"data": [{"b64_json": picture}]})

    app = web.Application()
    app.router.add_post("/v1/images/generations", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", upstream_port).start()
    yield statuses
    await runner.cleanup()


@pytest.mark.usefixtures("dispatcher")
async def test_call_survives_its_upstream_and_ends_in_the_library(
    system: MediamillSystem, client: MediamillClient, failures: list[int]
) -> None:
    """The caller is told that we keep trying, then has the picture as an own medium; no secret was told."""
    failures.extend([500, 503])
    seen: list[str] = []
    async with httpx.AsyncClient(base_url=system.ingest.url) as http:
        signed_in = await http.post(
            "/api/auth/login", json={"email": ADMIN_EMAIL, "password": ADMIN_PASSWORD}
        )
        http.headers["Authorization"] = f"Bearer {signed_in.json()['accessToken']}"
        body = {"type": "image_generation", "payload": {"prompt": "a mill in the morning"}}
        accepted = (await http.post("/api/queue/jobs", json=body)).json()

        async def ended() -> dict[str, str] | None:
            answer = await http.get(f"/api/queue/jobs/{accepted['jobId']}")
            seen.append(answer.text)
            result: dict[str, str] | None = answer.json()["result"]
            return result

        result = await eventually(ended, timeout=120)
    assert result is not None
    assert any("We will keep trying" in text for text in seen)
    assert not any("secret" in text for text in seen)
    job = await client.wait_for(UUID(result["jobId"]), seconds=120)
    assert job.status == "completed"
    medium = await client.media(UUID(result["mediaId"]))
    assert (medium.status, medium.user_id) == ("READY", (await client.me()).id)
