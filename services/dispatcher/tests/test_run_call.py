"""One attempt at a call, against a real HTTP server that answers, fails, hangs and talks nonsense."""

from dataclasses import replace

import pytest

from mediamill_contracts.call import CallProgressed, RequestCall
from mediamill_contracts.call_types import IMAGE_GENERATION
from mediamill_contracts.ids import new_id
from mediamill_dispatcher.circuit_breaker import CircuitBreaker
from mediamill_dispatcher.usecases.run_call import run_call
from mediamill_messaging.errors import PermanentError, RetryLaterError

from .conftest import KEY, PNG, Bench

SORRY = "Sorry, the generation server is not available. We will keep trying."


def request(**payload: object) -> RequestCall:
    """Return a call for a picture of a mill."""
    return RequestCall(
        job_id=new_id(),
        user_id="u1",
        call_type="image_generation",
        payload={"prompt": "a mill in the morning", **payload},
    )


async def test_picture_becomes_an_upload_of_the_caller(bench: Bench) -> None:
    """The picture is staged under the caller's name and announced; the result says which medium it is."""
    call = request(entityType="banner", alt="A mill")
    ended = await run_call(bench.dispatch(), call, failures=0)
    assert ended.status == "completed"
    [upload] = bench.recorder.uploads
    assert ended.result == {"mediaId": str(upload.media_id), "jobId": str(upload.job_id)}
    assert (upload.user_id, upload.entity_type, upload.alt) == ("u1", "banner", "A mill")
    assert (bench.root / upload.staged.key).read_bytes() == PNG
    assert bench.upstream.asked[0]["prompt"] == "a mill in the morning"
    assert bench.upstream.keys == [f"Bearer {KEY}"]


async def test_repeated_call_makes_the_same_medium(bench: Bench) -> None:
    """A process that dies after the call and before the confirm makes no second picture in the library."""
    call = request()
    first = await run_call(bench.dispatch(), call, failures=0)
    second = await run_call(bench.dispatch(), call, failures=0)
    assert first.result == second.result
    one, other = bench.recorder.uploads
    assert one.message_id() == other.message_id()


@pytest.mark.parametrize("behaviour", ["fail", "garbage", "no picture", "empty", "wrong key"])
async def test_upstream_in_trouble_is_asked_again(bench: Bench, behaviour: str) -> None:
    """The user reads that we keep trying, and not a word of what the upstream said."""
    bench.upstream.behaviours = [behaviour]
    call = request()
    with pytest.raises(RetryLaterError) as later:
        await run_call(bench.dispatch(), call, failures=0)
    assert later.value.counts
    assert later.value.seconds == 1
    news = bench.recorder.announced[-1]
    assert isinstance(news, CallProgressed)
    assert (news.status, news.detail) == ("retrying", SORRY)
    assert "stack trace" not in bench.recorder.words()
    assert KEY not in bench.recorder.words()
    ended = await run_call(bench.dispatch(), call, failures=1)
    assert ended.status == "completed"


async def test_development_shows_why(bench: Bench) -> None:
    """In development the news says what went wrong."""
    bench.upstream.behaviours = ["fail"]
    with pytest.raises(RetryLaterError):
        await run_call(bench.dispatch(show_details=True), request(), failures=0)
    assert "HTTP 500" in bench.recorder.words()


async def test_upstream_says_when_to_come_again(bench: Bench) -> None:
    """`Retry-After` is kept to."""
    bench.upstream.behaviours = ["busy"]
    with pytest.raises(RetryLaterError) as later:
        await run_call(bench.dispatch(), request(), failures=0)
    assert later.value.seconds == 40


async def test_hanging_upstream_is_given_up_after_its_time(bench: Bench) -> None:
    """A call has a time limit of its kind."""
    bench.upstream.behaviours = ["hang"]
    impatient = replace(IMAGE_GENERATION, time_limit_seconds=0.3)
    with pytest.raises(RetryLaterError, match=r"0\.3 s"):
        await run_call(bench.dispatch(kind=impatient), request(), failures=0)


async def test_absent_upstream_is_asked_again(bench: Bench) -> None:
    """A refused connection is no different from a failure."""
    dispatch = bench.dispatch()
    await bench.upstream.stop()
    with pytest.raises(RetryLaterError):
        await run_call(dispatch, request(), failures=0)


async def test_refusal_ends_the_call(bench: Bench) -> None:
    """What the upstream does not want is not tried again, and its words stay inside."""
    bench.upstream.behaviours = ["refuse"]
    ended = await run_call(bench.dispatch(), request(), failures=0)
    assert (ended.status, ended.code) == ("failed", "upstream_refused")
    assert ended.detail == "The generation server did not accept the prompt."
    assert len(bench.upstream.asked) == 1


async def test_last_attempt_ends_in_a_dead_letter(bench: Bench) -> None:
    """After the kind's last delay there is no attempt left; an operator can replay the letter."""
    bench.upstream.behaviours = ["fail"]
    with pytest.raises(PermanentError) as end:
        await run_call(bench.dispatch(), request(), failures=5)
    assert end.value.code == "retries_exhausted"


async def test_dead_upstream_eats_no_attempts(bench: Bench) -> None:
    """Calls are kept away from it without counting; after the pause one tries, and opens the way."""
    now = [0.0]
    breaker = CircuitBreaker(failures=2, pause_seconds=30, clock=lambda: now[0])
    dispatch = bench.dispatch(breaker=breaker)
    bench.upstream.behaviours = ["fail", "fail", "fail"]
    for failures in range(2):
        with pytest.raises(RetryLaterError):
            await run_call(dispatch, request(), failures=failures)
    with pytest.raises(RetryLaterError) as away:
        await run_call(dispatch, request(), failures=0)
    assert not away.value.counts
    assert len(bench.upstream.asked) == 2
    news = bench.recorder.announced[-1]
    assert isinstance(news, CallProgressed)
    assert (news.status, news.attempt, news.detail) == ("retrying", 0, SORRY)
    now[0] = 31
    with pytest.raises(RetryLaterError) as trial:
        await run_call(dispatch, request(), failures=0)
    assert trial.value.counts
    now[0] = 62
    assert (await run_call(dispatch, request(), failures=0)).status == "completed"
    assert (await run_call(dispatch, request(), failures=0)).status == "completed"


async def test_unknown_kind_is_a_dead_letter(bench: Bench) -> None:
    """A kind that is not installed here cannot be run, however often it is tried."""
    call = request().model_copy(update={"call_type": "horoscope"})
    with pytest.raises(PermanentError) as end:
        await run_call(bench.dispatch(), call, failures=0)
    assert end.value.code == "unknown_call_type"
