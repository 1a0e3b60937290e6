"""`test-s3` says what is wrong with a bucket, and nothing about the inner network."""

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pydantic import SecretStr

from mediamill_console import s3_probe
from mediamill_contracts.storage import S3Location
from mediamill_storage.s3 import S3Credentials
from mediamill_testing.servers.s3 import S3Server

from .conftest import Console, OpenConsole


async def _test(console: Console, **values: str | None) -> dict[str, Any]:
    answer = await console.ask("POST", "/settings/test-s3", values)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_bucket_is_counted(
    console_with_s3: Console, s3_server: S3Server, s3_location: S3Location
) -> None:
    """Bucket and number of objects, of what the settings say and of what is not saved yet."""
    for number in range(3):
        s3_server.client().put_object(Bucket=s3_location.bucket, Key=f"permanent/{number}", Body=b"x")
    found = await _test(console_with_s3)
    assert found == {
        "success": True,
        "message": "The bucket can be used. It has 3 objects.",
        "bucket": s3_location.bucket,
        "objectCount": 3,
        "objectCountIsMinimum": False,
        "code": None,
    }
    without_body = await console_with_s3.ask("POST", "/settings/test-s3")
    assert without_body.json()["objectCount"] == 3
    with s3_server.bucket() as other:
        assert (await _test(console_with_s3, s3Bucket=other.bucket))["objectCount"] == 0


async def test_counting_ends(
    console_with_s3: Console,
    s3_server: S3Server,
    s3_location: S3Location,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A bucket with millions of objects does not keep anybody waiting."""
    monkeypatch.setattr(s3_probe, "MAX_COUNTED", 2)
    for number in range(3):
        s3_server.client().put_object(Bucket=s3_location.bucket, Key=f"permanent/{number}", Body=b"x")
    found = await _test(console_with_s3)
    assert (found["objectCount"], found["objectCountIsMinimum"]) == (2, True)
    assert "at least 2 objects" in found["message"]


async def test_settings_show_how_s3_is(console_with_s3: Console) -> None:
    """Connected, then disabled; asked in the background of nothing but this page."""
    settings = (await console_with_s3.ask("GET", "/settings", role="admin")).json()
    assert settings["s3Enabled"] is True
    assert settings["s3Status"]["state"] == "connected"
    assert settings["s3Status"]["checkedAt"]
    settings = await console_with_s3.put({"s3Bucket": "not-there-at-all"})
    assert (settings["s3Status"]["state"], settings["s3Status"]["code"]) == ("failing", "no_such_bucket")
    settings = await console_with_s3.put({"s3Enabled": False})
    assert settings["s3Status"]["state"] == "disabled"


async def test_no_such_bucket(console_with_s3: Console) -> None:
    """The server is right, the name is not."""
    found = await _test(console_with_s3, s3Bucket="not-there-at-all")
    assert (found["success"], found["code"]) == (False, "no_such_bucket")
    assert (found["bucket"], found["objectCount"]) == ("not-there-at-all", None)


@pytest.mark.parametrize("wrong", ["key", "secret"])
async def test_wrong_credentials(
    open_console: OpenConsole, s3_location: S3Location, s3_credentials: S3Credentials, wrong: str
) -> None:
    """An unknown key and a wrong secret are told apart from a bucket that is not there."""
    right = {"key": s3_credentials.access_key_id, "secret": s3_credentials.secret_access_key}
    given = right | {wrong: "surely not the right one"}
    console = await open_console(
        s3_endpoint=s3_location.endpoint,
        s3_bucket_name=s3_location.bucket,
        aws_access_key_id=given["key"],
        aws_secret_access_key=SecretStr(given["secret"]),
    )
    assert (await _test(console))["code"] == "wrong_credentials"


async def test_a_body_may_be_missing_in_either_way(console: Console) -> None:
    """Commands such as curl announce no length where there is no body: that is a request without one, too."""
    request = console.client.build_request(
        "POST", "/api/admin/media/settings/test-s3", headers=console.headers("superadmin")
    )
    del request.headers["content-length"]
    answer = await console.client.send(request)
    assert (answer.status_code, answer.json()["code"]) == (200, "not_configured")


async def test_nothing_to_test(open_console: OpenConsole, console: Console) -> None:
    """No bucket, or no keys."""
    assert (await _test(console))["code"] == "not_configured"
    without_keys = await open_console(s3_bucket_name="photos")
    assert (await _test(without_keys))["code"] == "no_credentials"


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"s3Bucket": "No Such Name"}, "s3Bucket"),
        ({"s3Bucket": "photos", "s3Endpoint": "file:///etc"}, "s3Endpoint"),
    ],
)
async def test_malformed_values_are_named(console: Console, values: dict[str, str], field: str) -> None:
    """They are mistakes of typing, not findings."""
    answer = await console.ask("POST", "/settings/test-s3", values)
    assert (answer.status_code, [error["field"] for error in answer.json()["errors"]]) == (422, [field])


class Inner:
    """A server of the inner network that notes who came, and may redirect."""

    def __init__(self) -> None:
        self.asked = 0
        self.redirect_to: str | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request."""
        self.asked += 1
        await reader.readuntil(b"\r\n\r\n")
        if self.redirect_to is None:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\nthe metadata!")
        else:
            head = f"HTTP/1.1 307 Moved\r\nLocation: {self.redirect_to}\r\nContent-Length: 0\r\n\r\n"
            writer.write(head.encode())
        await writer.drain()
        writer.close()


@pytest.fixture
async def inner() -> AsyncIterator[tuple[Inner, int]]:
    """Give a server on loopback and its port."""
    server = Inner()
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    yield server, listening.sockets[0].getsockname()[1]
    listening.close()


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "[::1]",
        "169.254.169.254",
        "10.1.2.3",
        "192.168.0.1",
        "172.16.0.1",
        "[::ffff:127.0.0.1]",
        "[fd00:ec2::254]",
        "0.0.0.0",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "127.1",
    ],
)
async def test_addresses_of_the_inner_network_are_not_asked(
    console: Console, inner: tuple[Inner, int], host: str
) -> None:
    """However they are written; the answer is the same whether anything listens there."""
    server, port = inner
    found = await _test(console, s3Bucket="photos", s3Endpoint=f"http://{host}:{port}")
    assert (found["success"], found["code"]) == (False, "not_allowed")
    assert server.asked == 0


async def test_names_do_not_tell_where_they_lead(
    console: Console, inner: tuple[Inner, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that leads inside, one that nobody knows and a closed port look all the same."""
    server, port = inner
    leads = {"inside.example": "127.0.0.1", "closed.example": "10.255.255.1"}

    async def resolve(host: str, _port: int, **_options: object) -> list[tuple[object, ...]]:
        if host not in leads:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (leads[host], port))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve)
    answers = [
        await _test(console, s3Bucket="photos", s3Endpoint=f"http://{host}:{port}")
        for host in ("inside.example", "closed.example", "unknown.example")
    ]
    assert answers[0] == answers[1] == answers[2]
    assert answers[0]["code"] == "not_reachable"
    assert server.asked == 0


async def test_rebinding_leads_nowhere(
    console: Console, inner: tuple[Inner, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that is public when it is checked and inner when it is used."""
    server, port = inner
    resolved: list[str] = []

    async def resolve(_host: str, _port: int, **_options: object) -> list[tuple[object, ...]]:
        resolved.append("127.0.0.1" if resolved else "203.0.114.1")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (resolved[-1], port))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve)
    found = await _test(console, s3Bucket="photos", s3Endpoint=f"http://rebind.example:{port}")
    assert found["code"] == "not_reachable"
    assert "127.0.0.1" in resolved
    assert server.asked == 0


async def test_redirects_lead_nowhere(open_console: OpenConsole, inner: tuple[Inner, int]) -> None:
    """Not even a server that the operator allowed can send us elsewhere."""
    target, target_port = inner
    source = Inner()
    source.redirect_to = f"http://127.0.0.1:{target_port}/latest/meta-data"
    listening = await asyncio.start_server(source.serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    console = await open_console(
        s3_allowed_endpoints=(url,),
        aws_access_key_id="key",
        aws_secret_access_key=SecretStr("secret of the tests"),
    )
    found = await _test(console, s3Bucket="photos", s3Endpoint=url)
    listening.close()
    assert found["success"] is False
    assert (source.asked, target.asked) == (1, 0)


async def test_what_does_not_speak_s3_is_not_quoted(
    open_console: OpenConsole, inner: tuple[Inner, int]
) -> None:
    """What another kind of server answers stays unseen."""
    _, port = inner
    console = await open_console(
        s3_allowed_endpoints=("127.0.0.1",),
        aws_access_key_id="key",
        aws_secret_access_key=SecretStr("secret of the tests"),
    )
    found = await _test(console, s3Bucket="photos", s3Endpoint=f"http://127.0.0.1:{port}")
    assert found["code"] == "not_reachable"
    assert "metadata" not in str(found)


async def test_silence_is_not_waited_for(open_console: OpenConsole, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that takes the connection and says nothing is given up."""
    monkeypatch.setattr(s3_probe, "PROBE_SECONDS", 0.5)

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    listening = await asyncio.start_server(silent, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    console = await open_console(
        s3_allowed_endpoints=(url,),
        aws_access_key_id="key",
        aws_secret_access_key=SecretStr("secret of the tests"),
    )
    assert (await _test(console, s3Bucket="photos", s3Endpoint=url))["code"] == "not_reachable"
    listening.close()
