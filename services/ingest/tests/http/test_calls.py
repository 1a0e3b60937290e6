"""Queued calls over HTTP: accepted at once, checked by their kind, and followed to their end."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from mediamill_contracts.call import CallCompleted, CallProgressed, RequestCall
from mediamill_ingest.dead_letters import dead_letter_effect
from mediamill_ingest.usecases.record_call import record_call_completed, record_call_progress
from mediamill_ingest.usecases.record_failure import FailureRecords
from mediamill_messaging.errors import RetryLaterError
from mediamill_messaging.transport import DeadLetter

from .conftest import Api

PROMPT: dict[str, Any] = {"type": "image_generation", "payload": {"prompt": "a mill in the morning"}}
SORRY = "Sorry, the generation server is not available. We will keep trying."


async def queue(api: Api, body: Any = PROMPT, user_id: str = "user-1", **headers: str) -> str:
    """Queue a call and return its id."""
    answer = await api.client.post("/api/queue/jobs", json=body, headers=api.as_user(user_id) | headers)
    assert answer.status_code == 202, answer.text
    job_id: str = answer.json()["jobId"]
    return job_id


async def look(api: Api, job_id: str) -> dict[str, Any]:
    """Return the call as its user sees it."""
    body: dict[str, Any] = (
        await api.client.get(f"/api/queue/jobs/{job_id}", headers=api.as_user("user-1"))
    ).json()
    return body


def letter(job_id: str) -> DeadLetter:
    """Return the dead letter of a call that was given up."""
    call = RequestCall(
        job_id=UUID(job_id), user_id="user-1", call_type="image_generation", payload=PROMPT["payload"]
    )
    return DeadLetter(
        queue="dispatcher.calls",
        event_id=str(call.message_id()),
        type=call.wire_name,
        routing_key=call.routing_key,
        payload=call.model_dump_json().encode(),
        code="retries_exhausted",
        error="HTTP 500 from http://10.0.0.7/secret",
        failures=6,
    )


async def test_call_waits_then_tells_how_it_ended(api: Api) -> None:
    """A call waits, is retried with a safe word, then has its result; late news does not move it back."""
    job_id = await queue(api)
    assert (await look(api, job_id))["status"] == "waiting"
    common: dict[str, Any] = {"job_id": UUID(job_id), "user_id": "user-1", "call_type": "image_generation"}
    news = CallProgressed(**common, status="retrying", attempt=1, detail=SORRY)
    await record_call_progress(api.parts.database, news)
    seen = await look(api, job_id)
    assert (seen["status"], seen["attempts"], seen["error"]["detail"]) == ("retrying", 1, SORRY)
    made = (await api.upload()).json()["mediaId"]
    ended = CallCompleted(**common, status="completed", result={"mediaId": made})
    early = ended.model_copy(update={"result": {"mediaId": str(uuid4())}})
    with pytest.raises(RetryLaterError):
        await record_call_completed(api.parts.database, early)
    await record_call_completed(api.parts.database, ended)
    await record_call_progress(api.parts.database, news)
    seen = await look(api, job_id)
    assert (seen["status"], seen["result"], seen["error"]) == ("completed", {"mediaId": made}, None)


async def test_call_that_waits_for_a_dead_upstream_says_so(api: Api) -> None:
    """No attempt was made, and its user reads why it takes so long; the first attempt is told as ever."""
    job_id = await queue(api)
    common: dict[str, Any] = {"job_id": UUID(job_id), "user_id": "user-1", "call_type": "image_generation"}
    for status, attempt, detail in (("retrying", 0, SORRY), ("active", 1, None)):
        news = CallProgressed(**common, status=status, attempt=attempt, detail=detail)
        await record_call_progress(api.parts.database, news)
        seen = await look(api, job_id)
        assert (seen["status"], seen["attempts"]) == (status, attempt)
        assert (seen["error"] or {}).get("detail") == detail


async def test_call_that_was_given_up_says_sorry(api: Api) -> None:
    """The dead letter of a call fails it; its user reads a sentence of ours and nothing of the reason."""
    job_id = await queue(api)
    effect = dead_letter_effect(FailureRecords(api.parts.database, api.parts.stores))
    async with api.parts.database.write() as session:
        await effect(session, letter(job_id))
    seen = await look(api, job_id)
    assert (seen["status"], seen["error"]["code"]) == ("failed", "retries_exhausted")
    assert "10.0.0.7" not in str(seen)
    assert seen["error"]["detail"].startswith("Sorry")
    other = await queue(api)
    effect = dead_letter_effect(FailureRecords(api.parts.database, api.parts.stores), show_details=True)
    async with api.parts.database.write() as session:
        await effect(session, letter(other))
    assert "10.0.0.7" in (await look(api, other))["error"]["detail"], "development says why"


async def test_calls_of_others_are_not_there(api: Api) -> None:
    """A stranger's call is 404, and each user's list holds only own calls, newest first."""
    first, second = await queue(api), await queue(api)
    await queue(api, user_id="user-2")
    headers = api.as_user("user-2")
    assert (await api.client.get(f"/api/queue/jobs/{first}", headers=headers)).status_code == 404
    own = (await api.client.get("/api/queue/jobs", headers=api.as_user())).json()
    assert [item["jobId"] for item in own["items"]] == [second, first]
    stats = (await api.client.get("/api/queue/stats", headers=api.as_user())).json()
    assert stats["queues"]["dispatcher.calls"]["waiting"] == 3


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"type": "horoscope", "payload": {}}, "unknown_call_type"),
        ({"type": "image_generation", "payload": {}}, "invalid_request"),
        (
            {"type": "image_generation", "payload": {"prompt": "x", "url": "http://evil"}},
            "invalid_request",
        ),
        ({"payload": {}}, "invalid_request"),
    ],
)
async def test_bad_calls_are_refused_at_once(api: Api, body: dict[str, Any], code: str) -> None:
    """An unknown kind, a missing field and one too many are told before anything is queued."""
    answer = await api.client.post("/api/queue/jobs", json=body, headers=api.as_user())
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    own = (await api.client.get("/api/queue/jobs", headers=api.as_user())).json()
    assert own["items"] == []


@pytest.mark.usefixtures("translation_example")
async def test_a_kind_that_was_installed_is_accepted(api: Api) -> None:
    """Its entry point is enough: its payloads are checked by its own model."""
    body = {"type": "translation", "payload": {"text": "a mill", "target": "de"}}
    assert (await look(api, await queue(api, body)))["type"] == "translation"
    body["payload"] = {"text": "a mill", "target": "German"}
    answer = await api.client.post("/api/queue/jobs", json=body, headers=api.as_user())
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert answer.json()["detail"].startswith("payload.target: ")


async def test_repeated_request_is_one_call(api: Api) -> None:
    """The same key and body: the same call. Another body: 409."""
    key = {"Idempotency-Key": "once"}
    assert await queue(api, **key) == await queue(api, **key)
    other = {"type": "image_generation", "payload": {"prompt": "a windmill"}}
    answer = await api.client.post("/api/queue/jobs", json=other, headers=api.as_user() | key)
    assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_key_reused")
