"""One place decides what becomes of a failure."""

import pytest

from mediamill_contracts.topology import RetryPolicy
from mediamill_messaging.errors import PermanentError
from mediamill_messaging.outcome import MAX_ERROR_LENGTH, Dead, Retry, check_crashes, decide

POLICY = RetryPolicy(delays=(2, 4), max_crashes=3)


@pytest.mark.parametrize(("failures", "delay"), [(0, 2), (1, 4)])
def test_a_failure_is_retried_after_the_delay_of_its_turn(failures: int, delay: float) -> None:
    """The delays are used one after the other."""
    outcome = decide(OSError("disk"), POLICY, failures)
    assert outcome == Retry(delay, "unexpected_error", "OSError: disk")


def test_the_last_failure_is_final() -> None:
    """Without a delay left the message is given up."""
    assert decide(OSError("disk"), POLICY, 2) == Dead("retries_exhausted", "OSError: disk")


def test_a_permanent_error_keeps_its_code() -> None:
    """What cannot get better is not tried again."""
    assert decide(PermanentError("gone", "no such object"), POLICY, 0) == Dead("gone", "gone: no such object")


def test_a_long_error_is_cut() -> None:
    """Errors travel in headers, which have little room."""
    assert len(decide(ValueError("x" * 5000), POLICY, 0).error) == MAX_ERROR_LENGTH


def test_too_many_crashes_forbid_another_try() -> None:
    """At the limit the handler does not run any more."""
    check_crashes(2, POLICY)
    with pytest.raises(PermanentError, match="crash_limit"):
        check_crashes(3, POLICY)
