"""Deletion as users meet it: hidden at once, back while the retention lasts, or gone for good."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import select, update

from mediamill_catalog import audit
from mediamill_catalog.core import MEDIA
from mediamill_catalog.tables import utc_now
from mediamill_contracts.sync import MediaPurged, RequestPurge
from mediamill_ingest.usecases.purge_media import record_purged
from mediamill_outbox.tables import outbox

from .conftest import Api


async def _acts(api: Api, media_id: str) -> list[str]:
    async with api.parts.database.read() as session:
        return [act.action for act in await audit.of_media(session, UUID(media_id))]


async def _requests(api: Api) -> list[RequestPurge]:
    async with api.parts.database.read() as session:
        found = await session.execute(
            select(outbox.c.payload).where(outbox.c.type == RequestPurge.wire_name).order_by(outbox.c.id)
        )
        return [RequestPurge.model_validate_json(payload) for payload in found.scalars()]


async def _remove_objects(api: Api) -> None:
    """Do what the worker that removes objects does, and record it."""
    for request in await _requests(api):
        for key in request.keys:
            await api.parts.store.delete(key)
        event = MediaPurged(media_id=request.media_id, user_id=request.user_id, removed_keys=request.keys)
        await record_purged(api.parts.database, event)


async def test_a_hidden_medium_shows_no_bytes(api: Api) -> None:
    """Neither variants nor the original; restored, it shows them again; the audit has both."""
    media_id = await api.upload_ready()
    paths = (f"/media/{media_id}/thumb", f"/media/{media_id}/original")
    await api.client.delete(f"/api/media/{media_id}", headers=api.as_user())
    for path in paths:
        assert (await api.client.get(path, headers=api.as_user())).status_code == 404
    await api.client.post(f"/api/media/{media_id}/restore", headers=api.as_user())
    for path in paths:
        assert (await api.client.get(path, headers=api.as_user())).status_code == 200
    assert await _acts(api, media_id) == ["media.deleted", "media.restored"]


async def test_a_hard_deletion_is_final(api: Api) -> None:
    """Hidden everywhere at once, gone with every object, and never back."""
    media_id = await api.upload_ready()
    path = f"/api/media/{media_id}"
    for _ in range(2):
        answer = await api.client.delete(f"{path}?force=hard", headers=api.as_user())
        assert (answer.status_code, answer.json()["status"]) == (202, "purging")
    for hidden in (path, f"{path}/timeline", f"/media/{media_id}/thumb", f"/media/{media_id}/original"):
        assert (await api.client.get(hidden, headers=api.as_user())).status_code == 404
    for listing in ("/api/media", "/api/media?deleted=true"):
        assert (await api.client.get(listing, headers=api.as_user())).json()["items"] == []
    restored = await api.client.post(f"{path}/restore", headers=api.as_user())
    assert (restored.status_code, restored.json()["code"]) == (410, "purged")
    assert len(await _requests(api)) == 1
    await _remove_objects(api)
    assert api.stored_files() == []
    restored = await api.client.post(f"{path}/restore", headers=api.as_user())
    assert (restored.status_code, restored.json()["code"]) == (410, "purged")
    stranger = await api.client.post(f"{path}/restore", headers=api.as_user("user-2"))
    assert stranger.status_code == 404
    assert (await api.client.delete(path, headers=api.as_user())).status_code == 404
    assert await _acts(api, media_id) == ["media.purge_requested", "media.purged"]


async def test_a_deletion_while_processing_is_taken_at_once(api: Api) -> None:
    """It is hidden, and nothing is removed before the work on it has ended."""
    body = (await api.upload()).json()
    answer = await api.client.delete(f"/api/media/{body['mediaId']}?force=hard", headers=api.as_user())
    assert answer.status_code == 202
    assert (await api.client.get(f"/api/media/{body['mediaId']}", headers=api.as_user())).status_code == 404
    assert await _requests(api) == []
    await api.finish(body["mediaId"], body["jobId"])
    await _remove_objects(api)
    assert api.stored_files() == []


async def test_the_operator_decides_what_deleting_means(api: Api) -> None:
    """With the mode `hard`, a plain deletion is for good."""
    media_id = await api.upload_ready()
    api.decide(delete_mode="hard")
    answer = await api.client.delete(f"/api/media/{media_id}", headers=api.as_user())
    assert answer.status_code == 202
    assert len(await _requests(api)) == 1


async def test_what_was_deleted_long_ago_is_not_restored(api: Api) -> None:
    """After the retention the answer says why, also before the cleanup came by."""
    media_id = await api.upload_ready()
    await api.client.delete(f"/api/media/{media_id}", headers=api.as_user())
    async with api.parts.database.write() as session:
        long_ago = utc_now() - timedelta(days=31)
        await session.execute(update(MEDIA).where(MEDIA.c.id == UUID(media_id)).values(deleted_at=long_ago))
    answer = await api.client.post(f"/api/media/{media_id}/restore", headers=api.as_user())
    assert (answer.status_code, answer.json()["code"]) == (409, "retention_ended")


async def test_a_deletion_sent_again_undoes_no_restore(api: Api) -> None:
    """With an Idempotency-Key the repetition changes nothing; the key for another request is refused."""
    media_id = await api.upload_ready()
    path, keyed = f"/api/media/{media_id}", api.as_user() | {"Idempotency-Key": "key-1"}
    await api.client.delete(path, headers=keyed)
    await api.client.post(f"{path}/restore", headers=api.as_user())
    again = await api.client.delete(path, headers=keyed)
    assert (again.status_code, again.json()["deletedAt"]) == (200, None)
    for other in (
        await api.client.delete(f"{path}?force=hard", headers=keyed),
        await api.client.post(f"{path}/restore", headers=keyed),
    ):
        assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")
    assert await _requests(api) == []


async def test_strangers_delete_nothing(api: Api) -> None:
    """Somebody else's medium does not exist for them, however they ask."""
    media_id = await api.upload_ready()
    for query in ("", "?force=hard"):
        answer = await api.client.delete(f"/api/media/{media_id}{query}", headers=api.as_user("user-2"))
        assert answer.status_code == 404
    assert (await api.client.get(f"/media/{media_id}/thumb")).status_code == 200
