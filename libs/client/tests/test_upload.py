"""Uploads arrive whole and once, whatever the network and the server do on the way."""

import time
from pathlib import Path

import pytest
from starlette.responses import PlainTextResponse

from mediamill_client.api import MediamillClient
from mediamill_client.errors import (
    NotAuthenticatedError,
    RateLimitedError,
    RefusedError,
    ServerError,
    ServerUnreachableError,
    UnexpectedAnswerError,
)
from mediamill_testing.ports import free_port

from .cutting_proxy import CuttingProxy
from .mini_server import MiniServer, problem, quick_client

CONTENT = bytes(range(256)) * 8_000


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """Return a file of 2 MB."""
    path = tmp_path / "photo.jpg"
    path.write_bytes(CONTENT)
    return path


async def test_upload_sends_the_bytes_and_returns_the_ids(server: MiniServer, photo: Path) -> None:
    """What the server receives is the file, under its name, and the answer names job and medium."""
    async with quick_client(server.url) as client:
        accepted = await client.upload(photo)
    assert list(server.files.values()) == [("photo.jpg", CONTENT)]
    assert accepted.job_id in server.jobs


async def test_progress_rises_to_the_whole_file(server: MiniServer, photo: Path) -> None:
    """A progress bar starts at nothing, never falls, and ends full."""
    seen: list[tuple[int, int]] = []
    async with quick_client(server.url) as client:
        await client.upload(photo, progress=lambda sent, total: seen.append((sent, total)))
    sent = [done for done, _ in seen]
    assert sent == sorted(sent)
    assert (sent[0], sent[-1]) == (0, len(CONTENT))
    assert len(sent) > 10
    assert {total for _, total in seen} == {len(CONTENT)}


async def test_connection_lost_half_way_is_tried_again(
    server: MiniServer, proxy: CuttingProxy, photo: Path
) -> None:
    """Two connections that die within the body cost time, not the upload."""
    proxy.cut_after_sent.extend([100_000, 900_000])
    async with quick_client(proxy.url) as client:
        await client.upload(photo)
    assert proxy.connections == 3
    assert [content for _, content in server.files.values()] == [CONTENT]


async def test_lost_answer_does_not_upload_twice(
    server: MiniServer, proxy: CuttingProxy, photo: Path
) -> None:
    """When only the answer was lost, the repetition carries the same key and the very same body."""
    proxy.cut_answers = 1
    async with quick_client(proxy.url) as client:
        await client.upload(photo)
    assert len(server.bodies) == 2
    assert server.bodies[0] == server.bodies[1]
    assert len(server.files) == 1


async def test_busy_server_is_tried_again(server: MiniServer, photo: Path) -> None:
    """503 and 502 pass, the upload succeeds."""
    server.script.extend([problem(503, "unavailable"), PlainTextResponse("bad gateway", 502)])
    async with quick_client(server.url) as client:
        await client.upload(photo)
    assert len(server.files) == 1


async def test_retry_after_is_waited_for(server: MiniServer, photo: Path) -> None:
    """A server that asks for one second is not asked again sooner, though the policy would."""
    server.script.append(problem(429, "rate_limited", headers={"Retry-After": "1"}))
    async with quick_client(server.url) as client:
        began = time.monotonic()
        await client.upload(photo)
    assert time.monotonic() - began >= 1
    assert len(server.files) == 1


async def test_gives_up_with_the_last_refusal(server: MiniServer, photo: Path) -> None:
    """A server that stays down or busy ends in its own words, after the allowed attempts."""
    server.script.extend(problem(503, "unavailable") for _ in range(3))
    server.script.extend(problem(429, "too_many_uploads") for _ in range(3))
    async with quick_client(server.url, attempts=3) as client:
        with pytest.raises(ServerError) as down:
            await client.upload(photo)
        with pytest.raises(RateLimitedError) as busy:
            await client.upload(photo)
    assert (down.value.code, busy.value.code) == ("unavailable", "too_many_uploads")
    assert len(server.bodies) == 6


async def test_refusal_is_typed_and_not_repeated(server: MiniServer, tmp_path: Path) -> None:
    """A bad file is refused once, with the server's code and sentence."""
    empty = tmp_path / "empty.jpg"
    empty.touch()
    async with quick_client(server.url) as client:
        with pytest.raises(RefusedError) as refused:
            await client.upload(empty)
    assert (refused.value.code, refused.value.status) == ("empty_file", 400)
    assert "The file is empty." in str(refused.value)
    assert len(server.bodies) == 1


async def test_wrong_token_is_named(server: MiniServer, photo: Path) -> None:
    """Who is not signed in learns just that."""
    async with MediamillClient(server.url, token="old") as client:
        with pytest.raises(NotAuthenticatedError):
            await client.upload(photo)


async def test_unreachable_server_is_named(photo: Path) -> None:
    """Nobody listening ends in one error that names the address."""
    url = f"http://127.0.0.1:{free_port()}"
    async with quick_client(url, attempts=2) as client:
        with pytest.raises(ServerUnreachableError, match=url):
            await client.upload(photo)


async def test_something_else_at_the_address_is_named(server: MiniServer, photo: Path) -> None:
    """A web page where the API should be is no success."""
    server.script.append(PlainTextResponse("<html>welcome</html>"))
    async with quick_client(server.url) as client:
        with pytest.raises(UnexpectedAnswerError):
            await client.upload(photo)


async def test_missing_file_sends_nothing(server: MiniServer, tmp_path: Path) -> None:
    """A file that cannot be read is the caller's to handle."""
    async with quick_client(server.url) as client:
        with pytest.raises(FileNotFoundError):
            await client.upload(tmp_path / "gone.jpg")
    assert server.bodies == []


async def test_hostile_file_name_arrives_as_data(server: MiniServer, tmp_path: Path) -> None:
    """Quotes, line ends and invalid Unicode in a name neither break the body nor stop the upload."""
    path = tmp_path / 'a"b\r\nContent-Type: x\udcff.jpg'
    path.write_bytes(b"x")
    async with quick_client(server.url) as client:
        await client.upload(path)
    ((_, content),) = server.files.values()
    assert content == b"x"


async def test_tokens_stay_out_of_text(server: MiniServer) -> None:
    """Logging a session or an error never shows the token."""
    async with MediamillClient(server.url) as client:
        session = await client.login("ann@example.org", "correct horse")
    assert session.access_token not in repr(session)
