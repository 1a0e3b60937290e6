"""Who gets in, what they hear, and what closes them; with the official JavaScript client."""

import asyncio
from uuid import UUID, uuid4

import httpx
import pytest
from prometheus_client import REGISTRY

from mediamill_contracts.media import MediaFailed, MediaProgressed, MediaReady
from mediamill_contracts.platform import QueueAlerted
from mediamill_notifier.authentication import Authenticator, RefusedError
from mediamill_runtime.identity import Identity, TokenIssuer, TokenVerifier
from mediamill_testing.javascript_client import javascript_client
from mediamill_testing.ports import free_port
from mediamill_testing.waiting import eventually

SECRET = "a secret of these tests, long enough for HS256"


def ready(user_id: str, media_id: UUID | None = None) -> MediaReady:
    """Build the event that a medium of `user_id` is ready."""
    return MediaReady(
        media_id=media_id or uuid4(),
        job_id=uuid4(),
        user_id=user_id,
        entity_type="listing",
        width=1200,
        height=800,
        thumbhash="1QcSHQRnh493V4dIh4eXh1h4kJUI",
        urls={"thumb": "/media/x/thumb"},
    )


@pytest.mark.parametrize("transports", [("websocket",), ("polling",), ("polling", "websocket")])
async def test_owner_hears_that_the_medium_is_ready(notifier, issue, transports):
    """A socket of the owner gets progress 100, the job's result and the medium, on every transport."""
    async with javascript_client(notifier.url, issue("ann"), transports=transports) as client:
        await client.wait_for("connect")
        event = ready("ann")
        await notifier.deliver(event)
        await client.wait_for("media:ready")
    ids = {"jobId": str(event.job_id), "mediaId": str(event.media_id)}
    assert client.events == [
        ("media:progress", {**ids, "progress": 100, "stage": "ready"}),
        ("media:processed", {**ids, "success": True, "urls": event.urls}),
        ("media:ready", {"mediaId": ids["mediaId"], "urls": event.urls}),
    ]


async def test_owner_hears_why_it_failed(notifier, issue):
    """A failed job tells its owner the stable code and the sentence to show."""
    async with javascript_client(notifier.url, issue("ann")) as client:
        await client.wait_for("connect")
        ids = {"media_id": uuid4(), "job_id": uuid4(), "user_id": "ann"}
        await notifier.deliver(MediaFailed(**ids, code="too_many_pixels", detail="at most 100 megapixels"))
        await client.wait_for("media:failed")
    error = {"code": "too_many_pixels", "detail": "at most 100 megapixels"}
    assert [(name, payload["error"]) for name, payload in client.events] == [
        ("media:processed", error),
        ("media:failed", error),
    ]
    assert client.events[0][1]["success"] is False


async def test_users_hear_nothing_of_each_other(notifier, issue):
    """An event reaches all sockets of its owner, and nobody else's."""
    async with (
        javascript_client(notifier.url, issue("ann")) as phone,
        javascript_client(notifier.url, issue("ann")) as laptop,
        javascript_client(notifier.url, issue("bob")) as stranger,
    ):
        for client in (phone, laptop, stranger):
            await client.wait_for("connect")
        await notifier.deliver(ready("ann"))
        await notifier.deliver(ready("bob"))
        for client in (phone, laptop, stranger):
            await client.wait_for("media:ready")
    assert phone.events == laptop.events
    assert len(stranger.events) == len(phone.events) == 3
    assert stranger.events[0][1]["mediaId"] != phone.events[0][1]["mediaId"]


async def test_an_event_that_arrives_twice_is_told_once(notifier, issue):
    """A redelivery under the same event id is not told again; the next event is."""
    async with javascript_client(notifier.url, issue("ann")) as client:
        await client.wait_for("connect")
        ids = {"media_id": uuid4(), "job_id": uuid4(), "user_id": "ann"}
        first = MediaProgressed(**ids, progress=10, stage="started")
        for event in (first, first, MediaProgressed(**ids, progress=50, stage="decoded")):
            await notifier.deliver(event, event.message_id())
        await client.wait_for("media:progress", count=2)
    assert [payload["progress"] for _, payload in client.events] == [10, 50]


async def test_only_operators_hear_queue_alerts(notifier, issue):
    """An alert goes to administrators; a user who is connected at the same time does not get it."""
    alert = QueueAlerted(
        queue="processor.images",
        measure="waiting",
        value=900,
        threshold=500,
        alerted_at="2026-01-01T00:00:00Z",
    )
    async with (
        javascript_client(notifier.url, issue("root", "superadmin")) as operator,
        javascript_client(notifier.url, issue("ann")) as user,
    ):
        await operator.wait_for("connect")
        await user.wait_for("connect")
        await notifier.deliver(alert)
        await notifier.deliver(ready("ann"))
        await operator.wait_for("queue:alert")
        await user.wait_for("media:ready")
    assert operator.events[0][1] == {
        "state": "raised",
        "queue": "processor.images",
        "measure": "waiting",
        "value": 900,
        "threshold": 500,
        "detail": "",
        "alertedAt": "2026-01-01T00:00:00+00:00",
    }
    assert "queue:alert" not in [name for name, _ in user.events]


@pytest.mark.parametrize(
    ("token", "code"), [(None, "token_missing"), ("nonsense", "token_invalid"), ("expired", "token_invalid")]
)
async def test_without_a_valid_token_nobody_gets_in(notifier, issue, token, code):
    """A missing, broken or expired token is refused with a stable code."""
    given = issue("ann", seconds=-10) if token == "expired" else token
    async with javascript_client(notifier.url, given) as client:
        refusal = (await client.wait_for("connect_error"))[0]
    assert refusal["data"] == {"code": code}
    assert not [report for report in client.reports if report["type"] == "connect"]


async def test_an_identity_provider_that_is_away_signs_nobody_out() -> None:
    """A token that cannot be checked now is refused with the code of an outage, not called invalid."""
    verifier = TokenVerifier(jwks_url=f"http://127.0.0.1:{free_port()}/keys")
    token = TokenIssuer(SECRET, lifetime_seconds=60).issue("ann", "user")
    with pytest.raises(RefusedError) as refusal:
        await Authenticator(verifier).authenticate({"token": token}, "")
    assert refusal.value.code == "identity_unavailable"


async def test_the_session_cookie_is_a_token_too(notifier, issue):
    """A page on our own origin needs no token in its script: its cookie is enough."""
    headers = {"Cookie": f"theme=dark; mediamill_session={issue('ann')}"}
    async with javascript_client(notifier.url, headers=headers) as client:
        await client.wait_for("connect")
        await notifier.deliver(ready("ann"))
        await client.wait_for("media:ready")


@pytest.mark.parametrize("transport", ["polling", "websocket"])
async def test_pages_of_other_origins_are_refused(run_notifier, issue, transport):
    """An Origin that is not on the list is refused even with a good token; one on the list gets in."""
    async with run_notifier(allowed_origins="https://app.example.com") as notifier:
        evil = {"Origin": "https://evil.example.com"}
        good = {"Origin": "https://app.example.com"}
        async with javascript_client(
            notifier.url, issue("ann"), transports=(transport,), headers=evil
        ) as client:
            await client.wait_for("connect_error")
            assert not [report for report in client.reports if report["type"] == "connect"]
        async with javascript_client(
            notifier.url, issue("ann"), transports=(transport,), headers=good
        ) as client:
            await client.wait_for("connect")


async def test_the_same_origin_is_allowed_by_default(notifier, issue):
    """Without a list a page of the notifier's own host connects and a foreign one does not."""
    own = {"Origin": notifier.url}
    async with javascript_client(notifier.url, issue("ann"), headers=own) as client:
        await client.wait_for("connect")
    foreign = {"Origin": "https://evil.example.com"}
    async with javascript_client(notifier.url, issue("ann"), headers=foreign) as client:
        await client.wait_for("connect_error")


@pytest.mark.parametrize("transport", ["polling", "websocket"])
async def test_sockets_are_closed_when_the_token_expires(notifier, issue, transport):
    """The server disconnects at expiry, in the way that clients do not reconnect from by themselves."""
    async with javascript_client(notifier.url, issue("ann", seconds=6), transports=(transport,)) as client:
        await client.wait_for("connect")
        report = (await client.wait_for("disconnect"))[0]
    assert report["reason"] == "io server disconnect"
    assert notifier.gateway.listeners("user:ann") == 0


@pytest.mark.parametrize("transport", ["polling", "websocket"])
async def test_oversized_frames_close_the_connection(run_notifier, issue, transport):
    """A frame above the limit ends the connection; one below it does not."""
    async with (
        run_notifier(max_frame_bytes=4_096) as notifier,
        javascript_client(notifier.url, issue("ann"), transports=(transport,)) as client,
    ):
        await client.wait_for("connect")
        await client.command(emit="chatter", bytes=2_000)
        await notifier.deliver(ready("ann"))
        await client.wait_for("media:ready")
        assert not [report for report in client.reports if report["type"] == "disconnect"]
        await client.command(emit="chatter", bytes=5_000)
        await client.wait_for("disconnect")


async def test_a_user_has_a_limited_number_of_sockets(run_notifier, issue, eventually_sockets):
    """One socket too many is refused, and there is room again when another has left."""
    async with (
        run_notifier(max_sockets_per_user=1) as notifier,
        javascript_client(notifier.url, issue("ann")) as first,
    ):
        await first.wait_for("connect")
        async with javascript_client(notifier.url, issue("ann")) as second:
            refusal = (await second.wait_for("connect_error"))[0]
            assert refusal["data"] == {"code": "too_many_sockets"}
        await first.close()
        await eventually_sockets(notifier.gateway, "user:ann", 0)
        async with javascript_client(notifier.url, issue("ann")) as third:
            await third.wait_for("connect")


async def test_a_full_replica_turns_new_sessions_away(run_notifier, issue):
    """Above the limit of sockets a new session gets 503 and a hint when to try again."""
    async with (
        run_notifier(max_sockets=1) as notifier,
        javascript_client(notifier.url, issue("ann"), transports=("websocket",)) as client,
    ):
        await client.wait_for("connect")
        async with httpx.AsyncClient() as http:
            answer = await http.get(f"{notifier.url}/socket.io/?EIO=4&transport=polling")
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "5"


async def test_connections_that_never_show_a_token_are_closed(run_notifier):
    """A session without a valid token is gone after the handshake time, and its id is unknown."""
    async with run_notifier(handshake_seconds=0.4) as notifier, httpx.AsyncClient(timeout=10) as http:
        polling = f"{notifier.url}/socket.io/?EIO=4&transport=polling"
        opened = await http.get(polling)
        session = opened.text.split('"sid":"')[1].split('"')[0]
        await http.get(f"{polling}&sid={session}")
        answer = await http.get(f"{polling}&sid={session}")
    assert answer.status_code == 400


async def test_a_client_that_leaves_early_is_forgotten(run_notifier, issue, eventually_sockets, monkeypatch):
    """A session that ends while its token is still being verified does not stay counted."""
    asked, answer = asyncio.Event(), asyncio.Event()
    verify = TokenVerifier.verify

    async def slow(verifier: TokenVerifier, token: str) -> Identity:
        asked.set()
        await answer.wait()
        return await verify(verifier, token)

    monkeypatch.setattr(TokenVerifier, "verify", slow)
    timed_out = ("notifier_connections_refused_total", {"reason": "handshake_timeout"})
    before = REGISTRY.get_sample_value(*timed_out) or 0
    async with run_notifier(handshake_seconds=2) as notifier:
        async with javascript_client(notifier.url, issue("ann"), transports=("polling",)):
            await asked.wait()
            await eventually(lambda: (REGISTRY.get_sample_value(*timed_out) or 0) > before)
        answer.set()
        await eventually_sockets(notifier.gateway, "user:ann", 1)
        await eventually_sockets(notifier.gateway, "user:ann", 0)


async def test_binary_packets_are_not_collected(notifier, issue):
    """A packet that announces attachments is dropped, and the server keeps serving."""
    async with httpx.AsyncClient() as http:
        polling = f"{notifier.url}/socket.io/?EIO=4&transport=polling"
        session = (await http.get(polling)).text.split('"sid":"')[1].split('"')[0]
        polling += f"&sid={session}"
        await http.post(polling, content=f'40{{"token":"{issue("ann")}"}}')
        assert "40" in (await http.get(polling)).text
        await http.post(polling, content='451000000-["x",{"_placeholder":true,"num":0}]')
        await notifier.deliver(ready("ann"))
        assert "media:ready" in (await http.get(polling)).text


async def test_stopping_lets_clients_reconnect_elsewhere(run_notifier, issue):
    """A replica that stops closes the transport, which clients reconnect from by themselves."""
    async with run_notifier() as notifier, javascript_client(notifier.url, issue("ann")) as client:
        await client.wait_for("connect")
        await notifier.gateway.quiesce()
        report = (await client.wait_for("disconnect"))[0]
        assert report["reason"] in ("transport close", "transport error")
        await client.wait_for("connect_error")


async def test_metrics_count_sockets_and_events(notifier, issue, eventually_sockets):
    """The figures follow what happens."""
    before = REGISTRY.get_sample_value("notifier_events_sent_total", {"event": "media:ready"}) or 0
    async with javascript_client(notifier.url, issue("ann")) as client:
        await client.wait_for("connect")
        await eventually_sockets(notifier.gateway, "user:ann", 1)
        assert REGISTRY.get_sample_value("notifier_sockets") == 1
        await notifier.deliver(ready("ann"))
        await client.wait_for("media:ready")
    await eventually_sockets(notifier.gateway, "user:ann", 0)
    assert REGISTRY.get_sample_value("notifier_sockets") == 0
    assert REGISTRY.get_sample_value("notifier_events_sent_total", {"event": "media:ready"}) == before + 1
