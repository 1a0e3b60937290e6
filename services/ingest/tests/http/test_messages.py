"""Conversations, messages and receipts over HTTP, on both databases."""

from typing import Any

import pytest
from sqlalchemy import select

from mediamill_contracts.ids import new_id
from mediamill_contracts.platform import MessageSent, MessageUpdated
from mediamill_contracts.relocation import RequestRelocation
from mediamill_ingest.usecases.update_message import record_sent
from mediamill_outbox.tables import outbox

from .conftest import ON_BOTH_DATABASES, Api

ANN, BOB, CAROL, EVE = "ann", "bob", "carol", "eve"


async def converse(api: Api, *members: str, **headers: str) -> str:
    """Open a conversation of Ann's and return its id."""
    answer = await api.client.post(
        "/api/conversations", json={"memberIds": members or (BOB,)}, headers=api.as_user(ANN) | headers
    )
    assert answer.status_code == 201, answer.text
    conversation_id: str = answer.json()["id"]
    return conversation_id


async def send(api: Api, conversation: str, *, key: str | None = None, **body: Any) -> Any:
    """Send a message of Ann's and return the answer."""
    headers = api.as_user(ANN) | ({} if key is None else {"Idempotency-Key": key})
    return await api.client.post(
        "/api/messages", json={"conversationId": conversation, **body}, headers=headers
    )


async def sent(api: Api, conversation: str, **body: Any) -> dict[str, Any]:
    """Send a message that is taken."""
    answer = await send(api, conversation, **body)
    assert answer.status_code == 201, answer.text
    message: dict[str, Any] = answer.json()
    return message


async def read(api: Api, conversation: str, **query: Any) -> Any:
    """Return what Bob reads."""
    answer = await api.client.get(
        f"/api/conversations/{conversation}/messages", params=query, headers=api.as_user(BOB)
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


async def post(api: Api, path: str, user_id: str) -> Any:
    """Return the answer to a POST without a body."""
    return await api.client.post(path, headers=api.as_user(user_id))


async def emitted(api: Api, kind: Any) -> list[Any]:
    """Return the messages of a kind that wait in the outbox."""
    async with api.parts.database.read() as session:
        rows = await session.execute(
            select(outbox.c.payload).where(outbox.c.type == kind.wire_name).order_by(outbox.c.id)
        )
    return [kind.model_validate_json(payload) for payload in rows.scalars()]


async def test_members_read_what_was_written(api: Api) -> None:
    """Messages come newest first, in pages; each member sees the conversation, and nobody else does."""
    conversation = await converse(api, BOB, CAROL)
    ids = [(await sent(api, conversation, content=f"message {number}"))["id"] for number in range(3)]
    page = await read(api, conversation, limit=2)
    rest = await read(api, conversation, limit=2, cursor=page["nextCursor"])
    shown = [message["id"] for message in page["items"] + rest["items"]]
    assert shown == sorted(ids, reverse=True)
    assert {message["content"] for message in page["items"]} <= {f"message {number}" for number in range(3)}
    assert rest["nextCursor"] is None
    own = (await api.client.get("/api/conversations", headers=api.as_user(CAROL))).json()
    assert own["items"][0]["memberIds"] == [ANN, BOB, CAROL]
    assert (await api.client.get("/api/conversations", headers=api.as_user(EVE))).json()["items"] == []


async def test_conversation_of_others_is_not_there(api: Api) -> None:
    """A stranger, and an admin too, gets 404 for reading, writing, receipts and deletion."""
    conversation = await converse(api)
    message = (await sent(api, conversation, content="psst"))["id"]
    for headers in (api.as_user(EVE), api.as_user("root", "superadmin")):
        answers = [
            await api.client.get(f"/api/conversations/{conversation}/messages", headers=headers),
            await api.client.post(
                "/api/messages", json={"conversationId": conversation, "content": "hi"}, headers=headers
            ),
            await api.client.post(f"/api/messages/{message}/seen", headers=headers),
            await api.client.delete(f"/api/messages/{message}", headers=headers),
        ]
        assert [answer.status_code for answer in answers] == [404] * 4
    [message_now] = (await read(api, conversation))["items"]
    assert (message_now["content"], message_now["deletedAt"]) == ("psst", None)


async def test_attachment_is_shown_to_the_members(api: Api) -> None:
    """Members see the attachment with its URLs and may look at the medium; its original stays private."""
    conversation = await converse(api)
    medium = await api.upload_ready(ANN)
    before = await api.client.get(f"/api/media/{medium}", headers=api.as_user(BOB))
    assert before.status_code == 404
    message = await sent(api, conversation, attachmentIds=[medium, medium])
    [shown] = (await read(api, conversation))["items"]
    [attachment] = shown["attachments"]
    assert attachment["mediaId"] == medium
    assert (await api.client.get(attachment["urls"]["thumb"])).status_code == 200
    statuses = [
        (await api.client.get(path, headers=api.as_user(user_id))).status_code
        for user_id in (BOB, EVE)
        for path in (f"/api/media/{medium}", f"/media/{medium}/original", f"/api/media/{medium}/timeline")
    ]
    assert statuses == [200, 404, 404, 404, 404, 404]
    [event] = await emitted(api, MessageSent)
    assert (event.member_ids, [str(each) for each in event.attachment_ids]) == ((ANN, BOB), [medium])
    [request] = await emitted(api, RequestRelocation)
    assert str(request.media_id) == medium
    assert all(f"/{message['id']}/" in move.target_key for move in request.moves)


async def test_unusable_attachments_are_named(api: Api) -> None:
    """Each medium that cannot be attached is named with its reason, and nothing is sent."""
    conversation = await converse(api)
    taken, gone, usable, others = [await api.upload_ready(user) for user in (ANN, ANN, ANN, BOB)]
    await sent(api, conversation, attachmentIds=[taken])
    await api.client.delete(f"/api/media/{gone}", headers=api.as_user(ANN))
    waiting = (await api.upload(user_id=ANN)).json()["mediaId"]
    missing = str(new_id())
    attachments = [taken, gone, usable, others, waiting, missing]
    answer = await send(api, conversation, content="look", attachmentIds=attachments)
    assert (answer.status_code, answer.json()["code"]) == (400, "attachments_not_usable")
    assert {error["mediaId"]: error["reason"] for error in answer.json()["errors"]} == {
        taken: "attached_already",
        gone: "deleted",
        others: "not_found",
        waiting: "not_ready",
        missing: "not_found",
    }
    assert len((await read(api, conversation))["items"]) == 1


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"content": "  "},
        {"content": "x" * 4_001},
        {"content": "a\0b"},
        {"content": "x", "attachmentIds": [str(new_id()) for _ in range(21)]},
        {"content": "x", "colour": "red"},
    ],
    ids=["nothing", "blank", "too long", "NUL", "too many", "unknown field"],
)
async def test_bad_messages_are_refused(api: Api, body: dict[str, Any]) -> None:
    """What is empty or beyond a limit is refused, and nothing is stored."""
    conversation = await converse(api)
    answer = await send(api, conversation, **body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert (await read(api, conversation))["items"] == []


async def test_the_longest_message_is_taken(api: Api) -> None:
    """4,000 characters of any script go through whole."""
    conversation = await converse(api)
    content = "\U0001f3ed" * 4_000
    await sent(api, conversation, content=content)
    assert (await read(api, conversation))["items"][0]["content"] == content


@ON_BOTH_DATABASES
async def test_repeated_requests_act_once(api: Api) -> None:
    """The same key and body: the same conversation, the same message. Another body: 409."""
    key = {"Idempotency-Key": "once"}
    conversation = await converse(api, **key)
    assert await converse(api, **key) == conversation
    first = await sent(api, conversation, content="hello", key="twice")
    assert await sent(api, conversation, content="hello", key="twice") == first
    assert (await send(api, conversation, content="bye", key="twice")).status_code == 409
    assert len((await read(api, conversation))["items"]) == 1


@ON_BOTH_DATABASES
async def test_status_is_that_of_the_slowest(api: Api) -> None:
    """PENDING, SENT once the announcement came round, then as far as every recipient is; never back."""
    conversation = await converse(api, BOB, CAROL)
    message = await sent(api, conversation, content="hello")
    assert message["status"] == "PENDING"
    [event] = await emitted(api, MessageSent)
    await record_sent(api.parts.database, event)
    path = f"/api/messages/{message['id']}"
    assert (await read(api, conversation))["items"][0]["status"] == "SENT"
    steps = [("seen", BOB), ("delivered", CAROL), ("delivered", BOB), ("seen", CAROL), ("seen", BOB)]
    statuses = [(await post(api, f"{path}/{step}", user)).json()["status"] for step, user in steps]
    assert statuses == ["SENT", "DELIVERED", "DELIVERED", "SEEN", "SEEN"]
    await record_sent(api.parts.database, event)
    [shown] = (await read(api, conversation))["items"]
    assert shown["status"] == "SEEN"
    updates = [(update.status, update.changed_by) for update in await emitted(api, MessageUpdated)]
    assert updates == [("SENT", None), ("SENT", BOB), ("DELIVERED", CAROL), ("SEEN", CAROL)]
    assert [receipt["userId"] for receipt in shown["receipts"]] == [BOB, CAROL]
    assert all(receipt["deliveredAt"] <= receipt["seenAt"] for receipt in shown["receipts"])


async def test_senders_receive_nothing_from_themselves(api: Api) -> None:
    """Only recipients have receipts."""
    conversation = await converse(api)
    message = (await sent(api, conversation, content="hello"))["id"]
    answer = await post(api, f"/api/messages/{message}/seen", ANN)
    assert (answer.status_code, answer.json()["code"]) == (403, "not_a_recipient")


async def test_deleted_message_frees_its_attachments(api: Api) -> None:
    """Only the sender deletes: content goes, media go to the trash and can be attached again from there."""
    conversation = await converse(api)
    medium = await api.upload_ready(ANN)
    message = await sent(api, conversation, content="look", attachmentIds=[medium])
    path = f"/api/messages/{message['id']}"
    refused = await api.client.delete(path, headers=api.as_user(BOB))
    assert (refused.status_code, refused.json()["code"]) == (403, "not_the_sender")
    for _ in range(2):
        assert (await api.client.delete(path, headers=api.as_user(ANN))).status_code == 200
    [shown] = (await read(api, conversation))["items"]
    assert (shown["content"], shown["attachments"]) == (None, [])
    assert shown["deletedAt"] is not None
    assert (await api.client.get(f"/api/media/{medium}", headers=api.as_user(BOB))).status_code == 404
    assert (await api.client.get(f"/media/{medium}/thumb")).status_code == 404
    trash = (await api.client.get("/api/media?deleted=true", headers=api.as_user(ANN))).json()["items"]
    assert [item["id"] for item in trash] == [medium]
    assert [update.deleted for update in await emitted(api, MessageUpdated)] == [True]
    assert (await post(api, f"/api/media/{medium}/restore", ANN)).status_code == 200
    await sent(api, conversation, attachmentIds=[medium])
