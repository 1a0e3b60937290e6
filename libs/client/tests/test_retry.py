"""A client that is told to come back comes back when it was told to, and not for ever."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx

from mediamill_client.retry import RetryPolicy, retry_after

LOST = httpx.ReadError("connection lost")


def test_pauses_grow_and_stay_below_the_longest() -> None:
    """Each pause is drawn below a ceiling that doubles up to the longest."""
    policy = RetryPolicy(attempts=8, first_pause=0.5, longest_pause=2.0)
    pauses = [policy.pause_after(attempt, LOST) for attempt in range(1, 8)]
    for pause, ceiling in zip(pauses, (0.5, 1, 2, 2, 2, 2, 2), strict=True):
        assert pause is not None
        assert ceiling / 10 <= pause <= ceiling


def test_pauses_differ_so_that_clients_do_not_return_together() -> None:
    """Many clients that failed at once draw many different pauses."""
    assert len({RetryPolicy().pause_after(3, LOST) for _ in range(20)}) > 10


def test_gives_up_after_the_last_attempt() -> None:
    """The number of attempts includes the first."""
    assert RetryPolicy(attempts=2).pause_after(1, LOST) is not None
    assert RetryPolicy(attempts=2).pause_after(2, LOST) is None


def test_retry_after_in_seconds_is_obeyed() -> None:
    """The server knows better than the policy when it will have room."""
    answer = httpx.Response(429, headers={"Retry-After": "7"})
    assert RetryPolicy().pause_after(1, answer) == 7


def test_retry_after_as_a_date_is_obeyed() -> None:
    """The other form that HTTP allows means the same."""
    moment = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    seconds = retry_after(httpx.Response(503, headers={"Retry-After": moment}))
    assert seconds is not None
    assert 28 <= seconds <= 30


def test_an_unreadable_retry_after_is_ignored() -> None:
    """Nonsense from a proxy does not stop the client."""
    assert retry_after(httpx.Response(503, headers={"Retry-After": "soon"})) is None


def test_a_very_long_retry_after_is_not_waited_for() -> None:
    """A caller hears at once that the server wants an hour, instead of hanging."""
    assert RetryPolicy().pause_after(1, httpx.Response(429, headers={"Retry-After": "3600"})) is None
