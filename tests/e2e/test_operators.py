"""What operators decide in the running system acts on what users upload next."""

import httpx
import pytest

from mediamill_client import MediamillClient
from mediamill_testing.photos import PhotoCorpus
from mediamill_testing.system import ADMIN_EMAIL, ADMIN_PASSWORD, StandaloneProcess
from mediamill_testing.waiting import eventually

SETTINGS = "/api/admin/media/settings"
TINY = {"name": "tiny", "width": 48, "height": 48}


@pytest.mark.timeout(300)
async def test_new_variants_without_a_restart(photo_corpus: PhotoCorpus) -> None:
    """A superadmin changes what is derived; soon uploads have it, and the description names the call."""
    process = StandaloneProcess()
    try:
        process.start()
        photo = photo_corpus.photo("jpeg_baseline.jpg").path
        async with MediamillClient(process.url) as client, httpx.AsyncClient(base_url=process.url) as http:
            session = await client.login(ADMIN_EMAIL, ADMIN_PASSWORD)
            http.headers["Authorization"] = f"Bearer {session.access_token}"
            changed = await http.put(SETTINGS, json={"entityTypes": {"general": {"variants": [TINY]}}})
            assert changed.status_code == 200, changed.text

            async def derives_tiny() -> bool:
                accepted = await client.upload(photo)
                job = await client.wait_for(accepted.job_id, seconds=60)
                return job.result is not None and set(job.result.urls) == {"tiny"}

            await eventually(derives_tiny)
            history = (await http.get(f"{SETTINGS}/history")).json()
            assert [item["setting"] for item in history["items"]] == ["entityTypes.general"]
            refused = await http.post(
                "/api/admin/media/sync", json={"operation": "upload_to_s3", "filter": {}}
            )
            assert (refused.status_code, refused.json()["code"]) == (409, "s3_disabled")
            paths = (await http.get("/openapi.json")).json()["paths"]
            assert {"/api/media", SETTINGS, "/api/admin/media/sync"} <= set(paths)
    finally:
        process.close()
