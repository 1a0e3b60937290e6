"""A message with an attachment in one process: the medium moves, and its URLs hold all the way."""

from collections.abc import Iterator

import httpx
import pytest

from mediamill_client import MediamillClient
from mediamill_testing.photos import PhotoCorpus
from mediamill_testing.system import ADMIN_EMAIL, ADMIN_PASSWORD, StandaloneProcess
from mediamill_testing.waiting import eventually


@pytest.fixture
def standalone() -> Iterator[StandaloneProcess]:
    """Start a process on a fresh data folder."""
    process = StandaloneProcess()
    try:
        yield process.start()
    finally:
        process.close()


async def test_an_attachment_moves_while_it_is_looked_at(
    standalone: StandaloneProcess, photo_corpus: PhotoCorpus
) -> None:
    """Every look at the URLs succeeds until the medium is in the message's folder; the message is SENT."""
    async with MediamillClient(standalone.url) as client:
        await client.login(ADMIN_EMAIL, ADMIN_PASSWORD)
        accepted = await client.upload(photo_corpus.photos(1)[0].path)
        assert (await client.wait_for(accepted.job_id, seconds=60)).succeeded
    async with httpx.AsyncClient(base_url=standalone.url) as http:
        credentials = {"email": ADMIN_EMAIL, "password": ADMIN_PASSWORD}
        session = (await http.post("/api/auth/login", json=credentials)).json()
        http.headers["Authorization"] = f"Bearer {session['accessToken']}"
        http.cookies.clear()
        conversation = (await http.post("/api/conversations", json={"memberIds": ["bob"]})).json()["id"]
        body = {"conversationId": conversation, "attachmentIds": [str(accepted.media_id)]}
        sent = await http.post("/api/messages", json=body)
        assert sent.status_code == 201, sent.text
        urls = sent.json()["attachments"][0]["urls"].values()

        async def has_moved() -> bool:
            for url in urls:
                assert (await http.get(url)).status_code == 200, url
            timeline = (await http.get(f"/api/media/{accepted.media_id}/timeline")).json()["items"]
            return "media.relocated" in {line["name"] for line in timeline}

        await eventually(has_moved, timeout=30)
        for url in urls:
            assert (await http.get(url)).status_code == 200, url
        folder = f"/{sent.json()['id']}/"
        moved = [path for path in standalone.home.rglob("*") if folder in str(path)]
        assert len(moved) == len(urls) + 1

        async def is_sent() -> bool:
            page = (await http.get(f"/api/conversations/{conversation}/messages")).json()
            return bool(page["items"][0]["status"] == "SENT")

        await eventually(is_sent, timeout=30)
