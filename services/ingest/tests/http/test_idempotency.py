"""Repeated requests: the same key gives the same answer and does nothing new."""

import asyncio

from .conftest import ON_BOTH_DATABASES, Api


@ON_BOTH_DATABASES
async def test_a_repeated_upload_is_one_upload(api: Api) -> None:
    """The same request with the same key names the same job, and its bytes are stored once."""
    key = {"Idempotency-Key": "key-1"}
    first = await api.upload(headers=key)
    second = await api.upload(headers=key)
    assert first.status_code == second.status_code == 202
    assert first.json() == second.json()
    assert len(api.stored_files()) == 1
    assert await api.open_jobs() == 1


@ON_BOTH_DATABASES
async def test_a_key_belongs_to_one_request(api: Api) -> None:
    """The same key with another file, another field or another name is a conflict and stores nothing."""
    key = {"Idempotency-Key": "key-1"}
    await api.upload(headers=key)
    for answer in (
        await api.upload(headers=key, content=api.photo + b"\0"),
        await api.upload(headers=key, fields={"alt": "other"}),
        await api.upload(headers=key, name="other.jpg"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_key_reused")
    assert len(api.stored_files()) == 1


@ON_BOTH_DATABASES
async def test_keys_are_each_users_own(api: Api) -> None:
    """Two users may choose the same key."""
    key = {"Idempotency-Key": "key-1"}
    first = await api.upload(headers=key)
    second = await api.upload(headers=key, user_id="user-2")
    assert first.json()["jobId"] != second.json()["jobId"]


@ON_BOTH_DATABASES
async def test_repetitions_at_the_same_time_are_one_upload(api: Api) -> None:
    """A client that sends again before the answer came gets one job all the same."""
    key = {"Idempotency-Key": "key-1"}
    answers = await asyncio.gather(*(api.upload(headers=key) for _ in range(5)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["jobId"] for answer in answers}) == 1
    assert len(api.stored_files()) == 1


@ON_BOTH_DATABASES
async def test_a_key_has_bounds(api: Api) -> None:
    """A key that is too long is refused as a bad parameter."""
    answer = await api.upload(headers={"Idempotency-Key": "k" * 201})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
