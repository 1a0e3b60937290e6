"""Lists, details, timelines, jobs and deletion, each for the right people."""

import asyncio

import pytest

from mediamill_ingest.http.parts import UploadLimits
from mediamill_testing.waiting import eventually

from .conftest import Api


async def test_a_job_tells_how_far_it_is(api: Api) -> None:
    """A waiting job says so; a completed one carries the finished medium with its addresses."""
    body = (await api.upload()).json()
    job = (await api.client.get(f"/api/media/jobs/{body['jobId']}", headers=api.as_user())).json()
    assert (job["status"], job["progress"], job["result"], job["error"]) == ("waiting", 0, None, None)
    await api.finish(body["mediaId"], body["jobId"])
    path = f"/api/admin/media/jobs/{body['jobId']}"
    job = (await api.client.get(path, headers=api.as_user())).json()
    assert (job["status"], job["progress"]) == ("completed", 100)
    assert job["result"]["urls"] == {"thumb": f"/media/{body['mediaId']}/thumb"}
    assert job["result"]["status"] == "READY"


async def test_a_job_can_be_cancelled_until_it_ends(api: Api) -> None:
    """A waiting job is cancelled, again changes nothing, and an ended one says that it is too late."""
    body = (await api.upload()).json()
    for _ in range(2):
        answer = await api.client.delete(f"/api/media/jobs/{body['jobId']}", headers=api.as_user())
        assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
    media_id = await api.upload_ready("user-2")
    jobs = (await api.client.get("/api/users/user-2/jobs", headers=api.as_user("user-2"))).json()["items"]
    assert [job["mediaId"] for job in jobs] == [media_id]
    answer = await api.client.delete(f"/api/media/jobs/{jobs[0]['jobId']}", headers=api.as_user("user-2"))
    assert (answer.status_code, answer.json()["code"]) == (409, "job_ended")


async def test_strangers_find_nothing(api: Api) -> None:
    """Another user's objects do not exist for a stranger, while an admin sees them."""
    body = (await api.upload()).json()
    paths = [
        f"/api/media/{body['mediaId']}",
        f"/api/media/{body['mediaId']}/timeline",
        f"/api/media/jobs/{body['jobId']}",
        f"/api/photos/{body['mediaId']}/status",
        "/api/users/user-1/jobs",
        "/api/media?userId=user-1",
    ]
    for path in paths:
        stranger = await api.client.get(path, headers=api.as_user("user-2"))
        assert (stranger.status_code, stranger.json()["code"]) == (404, "not_found"), path
        assert (await api.client.get(path, headers=api.as_user("boss", "admin"))).status_code == 200, path
        nobody = await api.client.get(path)
        assert (nobody.status_code, nobody.json()["code"]) == (401, "not_signed_in"), path
    for method, path in (("DELETE", paths[0]), ("DELETE", paths[2]), ("POST", f"{paths[0]}/restore")):
        answer = await api.client.request(method, path, headers=api.as_user("user-2"))
        assert answer.status_code == 404, path


async def test_lists_are_paged_and_filtered(api: Api) -> None:
    """Pages follow each other without gaps or repeats, newest first, and filters limit them."""
    ids = []
    for number in range(5):
        fields = {"entityType": "listing" if number % 2 else "avatar"}
        ids.append((await api.upload(fields=fields)).json()["mediaId"])
    await api.upload(user_id="user-2")
    seen, cursor = [], None
    while True:
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = (await api.client.get("/api/media", params=query, headers=api.as_user())).json()
        seen += [item["id"] for item in page["items"]]
        cursor = page["nextCursor"]
        if cursor is None:
            break
    assert seen == ids[::-1]
    listings = await api.client.get("/api/media?entityType=listing", headers=api.as_user())
    assert len(listings.json()["items"]) == 2
    ready = await api.client.get("/api/media?status=READY", headers=api.as_user())
    assert ready.json()["items"] == []
    bad = await api.client.get("/api/media?status=nonsense", headers=api.as_user())
    assert (bad.status_code, bad.json()["code"]) == (422, "invalid_request")
    everybody = await api.client.get("/api/media", headers=api.as_user("boss", "admin"))
    assert len(everybody.json()["items"]) == 6


async def test_deletion_hides_and_restoring_brings_back(api: Api) -> None:
    """A deleted medium leaves the list and is found among the deleted; both can be done twice."""
    media_id = await api.upload_ready()
    for _ in range(2):
        answer = await api.client.delete(f"/api/media/{media_id}", headers=api.as_user())
        assert answer.status_code == 200
        assert answer.json()["deletedAt"] is not None
    assert (await api.client.get("/api/media", headers=api.as_user())).json()["items"] == []
    deleted = await api.client.get("/api/media?deleted=true", headers=api.as_user())
    assert [item["id"] for item in deleted.json()["items"]] == [media_id]
    status = await api.client.get(f"/api/photos/{media_id}/status", headers=api.as_user())
    assert status.status_code == 404
    for _ in range(2):
        answer = await api.client.post(f"/api/media/{media_id}/restore", headers=api.as_user())
        assert answer.json()["deletedAt"] is None
    timeline = await api.client.get(f"/api/media/{media_id}/timeline", headers=api.as_user())
    names = [entry["name"] for entry in timeline.json()["items"]]
    assert names == ["media.uploaded", "media.ready", "media.deleted", "media.restored"]


async def test_a_photo_page_can_poll(api: Api) -> None:
    """The state of one medium has all that a page that waits for it shows."""
    media_id = await api.upload_ready()
    status = (await api.client.get(f"/api/photos/{media_id}/status", headers=api.as_user())).json()
    assert status == {
        "mediaId": media_id,
        "status": "READY",
        "progress": 100,
        "urls": {"thumb": f"/media/{media_id}/thumb"},
        "error": None,
    }


async def test_who_prefers_to_wait_gets_the_finished_medium(api: Api) -> None:
    """With few jobs open, the answer is the finished medium, as soon as it is finished."""
    waiting = asyncio.create_task(api.upload(headers={"Prefer": "respond-async, wait=5"}))

    async def jobs_of_user() -> list[dict[str, str]]:
        answer = await api.client.get("/api/users/user-1/jobs", headers=api.as_user())
        items: list[dict[str, str]] = answer.json()["items"]
        return items

    jobs = await eventually(jobs_of_user)
    await api.finish(jobs[0]["mediaId"], jobs[0]["jobId"])
    answer = await waiting
    assert answer.status_code == 201
    assert (answer.json()["id"], answer.json()["status"]) == (jobs[0]["mediaId"], "READY")


async def test_waiting_has_an_end(api: Api) -> None:
    """When it takes longer than the client waits, the answer is the promise."""
    begun = asyncio.get_running_loop().time()
    lines = [("Prefer", "respond-async"), ("Prefer", "wait=1"), *api.as_user().items()]
    answer = await api.client.post("/api/media", headers=lines, files={"file": ("photo.jpg", api.photo)})
    assert (answer.status_code, answer.json()["status"]) == (202, "processing")
    assert asyncio.get_running_loop().time() - begun >= 1


class TestWhenBusy:
    """With the threshold reached nobody waits."""

    @pytest.fixture
    def limits(self) -> UploadLimits:
        """Let at most one job be open for a wait, and waits be longer than the test may take."""
        return UploadLimits(sync_threshold=1, max_wait_seconds=250)

    async def test_nobody_waits(self, api: Api) -> None:
        """The promise comes at once, although the client would wait for minutes."""
        await api.upload()
        answer = await api.upload(headers={"Prefer": "wait=250"})
        assert answer.status_code == 202


async def test_counts_are_by_queue_type_and_status(api: Api) -> None:
    """The figures name the queues of both lanes, of pictures and of videos."""
    await api.upload()
    movie = b"\0\0\0\x18ftypisom\0\0\2\0isommp42" + b"\0\0\0\x08moov" + b"\0\0\0\x08mdat"
    photo, video = ("a.jpg", api.photo, "image/jpeg"), ("a.mp4", movie, "video/mp4")
    files = [("files", photo), ("files", photo), ("files", video)]
    await api.client.post("/api/media/bulk", files=files, headers=api.as_user())
    stats = (await api.client.get("/api/queue/stats", headers=api.as_user())).json()
    waiting = {name: counts["waiting"] for name, counts in stats["queues"].items()}
    assert waiting == {"processor.images": 1, "processor.images-bulk": 2, "processor.videos-bulk": 1}
    assert (stats["types"]["image"]["waiting"], stats["statuses"]["waiting"]) == (3, 4)
