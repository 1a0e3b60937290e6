"""Serving bytes: what a browser may do with them, and who gets which."""

import httpx
import pytest

from .conftest import VARIANT, Api


async def _get(api: Api, path: str, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await api.client.get(path, headers=named)


async def test_a_variant_is_public_and_safe(api: Api) -> None:
    """Anybody who knows the address gets the picture, with headers that let a browser only show it."""
    media_id = await api.upload_ready()
    answer = await _get(api, f"/media/{media_id}/thumb")
    assert (answer.status_code, answer.content) == (200, VARIANT)
    assert answer.headers["content-type"] == "image/webp"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["accept-ranges"] == "bytes"


async def test_names_are_sent_as_data(api: Api) -> None:
    """A name with quotes, line breaks and letters of any script is one well-formed header."""
    media_id = await api.upload_ready(name='写真 "my"\r\nX-Evil: 1.jpg')
    answer = await _get(api, f"/media/{media_id}/thumb")
    disposition = answer.headers["content-disposition"]
    assert disposition.startswith('inline; filename="')
    assert disposition.count('"') == 2
    assert "filename*=UTF-8''%E5%86%99%E7%9C%9F" in disposition
    assert "x-evil" not in answer.headers


@pytest.mark.parametrize(
    ("wanted", "start", "end"),
    [
        ("bytes=0-99", 0, 100),
        ("bytes=2000-", 2000, 2048),
        ("bytes=-48", 2000, 2048),
        ("bytes=9-9999", 9, 2048),
    ],
)
async def test_parts_are_served(api: Api, wanted: str, start: int, end: int) -> None:
    """A range gets its bytes and says which they are."""
    media_id = await api.upload_ready()
    answer = await _get(api, f"/media/{media_id}/thumb", Range=wanted)
    assert (answer.status_code, answer.content) == (206, VARIANT[start:end])
    assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/2048"


async def test_impossible_parts_are_refused(api: Api) -> None:
    """A range behind the end is refused with the true size; nonsense is ignored."""
    media_id = await api.upload_ready()
    answer = await _get(api, f"/media/{media_id}/thumb", Range="bytes=5000-")
    assert (answer.status_code, answer.headers["content-range"]) == (416, "bytes */2048")
    answer = await _get(api, f"/media/{media_id}/thumb", Range="lines=1-2")
    assert (answer.status_code, answer.content) == (200, VARIANT)


async def test_unchanged_files_are_not_sent_again(api: Api) -> None:
    """A cached copy is confirmed with 304, and a part is only sent of the file it belongs to."""
    media_id = await api.upload_ready()
    etag = (await _get(api, f"/media/{media_id}/thumb")).headers["etag"]
    answer = await _get(api, f"/media/{media_id}/thumb", If_None_Match=f'"other", W/{etag}')
    assert (answer.status_code, answer.content) == (304, b"")
    for tags, status in (('"other"', 412), (f"W/{etag}", 412), (f'"other", {etag}', 200), ("*", 200)):
        assert (await _get(api, f"/media/{media_id}/thumb", If_Match=tags)).status_code == status
    answer = await _get(api, f"/media/{media_id}/thumb", Range="bytes=0-9", If_Range='"other"')
    assert answer.status_code == 200
    answer = await _get(api, f"/media/{media_id}/thumb", Range="bytes=0-9", If_Range=etag)
    assert answer.status_code == 206


async def test_head_tells_without_sending(api: Api) -> None:
    """HEAD gives the headers of GET and no bytes; ranges are for GET only (RFC 9110, section 14.2)."""
    media_id = await api.upload_ready()
    for headers in ({}, {"Range": "bytes=0-9"}):
        answer = await api.client.head(f"/media/{media_id}/thumb", headers=headers)
        assert (answer.status_code, answer.content) == (200, b"")
        assert answer.headers["content-length"] == "2048"


async def test_the_original_is_its_owners(api: Api) -> None:
    """The original, which may tell where it was taken, goes to its owner and admins and is not cached."""
    media_id = await api.upload_ready()
    path = f"/media/{media_id}/original"
    own = await api.client.get(path, headers=api.as_user())
    assert (own.status_code, own.content) == (200, api.photo)
    assert "private" in own.headers["cache-control"]
    assert (await api.client.get(path, headers=api.as_user("boss", "admin"))).status_code == 200
    assert (await api.client.get(path, headers=api.as_user("user-2"))).status_code == 404
    assert (await api.client.get(path)).status_code == 404


async def test_what_was_not_admitted_is_not_served(api: Api) -> None:
    """Staged bytes are nobody's to see, not even their owner's."""
    media_id = (await api.upload()).json()["mediaId"]
    answer = await api.client.get(f"/media/{media_id}/original", headers=api.as_user())
    assert answer.status_code == 404


async def test_deleted_media_are_gone(api: Api) -> None:
    """A deleted medium's pictures answer 404, and come back with it."""
    media_id = await api.upload_ready()
    await api.client.delete(f"/api/media/{media_id}", headers=api.as_user())
    assert (await _get(api, f"/media/{media_id}/thumb")).status_code == 404
    await api.client.post(f"/api/media/{media_id}/restore", headers=api.as_user())
    assert (await _get(api, f"/media/{media_id}/thumb")).status_code == 200


async def test_unknown_files_are_not_there(api: Api) -> None:
    """An unknown variant, an unknown medium and an id that is none are refused alike."""
    media_id = await api.upload_ready()
    for path in (f"/media/{media_id}/huge", "/media/01890000-0000-7000-8000-000000000000/thumb"):
        answer = await _get(api, path)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
