"""What becomes of a failed delivery, decided in one place for every transport."""

from dataclasses import dataclass

from mediamill_contracts.topology import RetryPolicy
from mediamill_messaging.errors import PermanentError, RetryLaterError

MAX_ERROR_LENGTH = 500


@dataclass(frozen=True, slots=True)
class Retry:
    """Deliver again to the same queue after `delay` seconds."""

    delay: float
    code: str
    error: str
    counts: bool = True
    """Whether it uses up one of the policy's delays."""


@dataclass(frozen=True, slots=True)
class Dead:
    """Give up: the message becomes a dead letter."""

    code: str
    error: str


Outcome = Retry | Dead


def decide(error: BaseException, policy: RetryPolicy, failures: int) -> Outcome:
    """Judge a failure.

    `failures` counts the earlier deliveries that raised. A PermanentError is final under its own code. Every
    other exception is retried by the policy, or as a RetryLaterError asks, and ends as `retries_exhausted`
    when no delay is left.
    """
    if isinstance(error, PermanentError):
        return Dead(error.code, str(error)[:MAX_ERROR_LENGTH])
    text = f"{type(error).__name__}: {error}"[:MAX_ERROR_LENGTH]
    later = error if isinstance(error, RetryLaterError) and policy.delays else None
    if later is not None and not later.counts:
        return Retry(_closest_delay(policy, later.seconds), "retry_later", text, counts=False)
    if failures >= len(policy.delays):
        return Dead("retries_exhausted", text)
    delay = policy.delays[failures] if later is None else _closest_delay(policy, later.seconds)
    return Retry(delay, "unexpected_error", text)


def _closest_delay(policy: RetryPolicy, seconds: float) -> float:
    """Return a delay that the broker has a waiting room for."""
    return next((delay for delay in sorted(policy.delays) if delay >= seconds), max(policy.delays))


def check_crashes(crashes: int, policy: RetryPolicy) -> None:
    """Raise PermanentError(`crash_limit`) for a message that killed its consumer too often.

    Called before the handler runs: the next attempt would most likely kill the process again.
    """
    if crashes >= policy.max_crashes:
        raise PermanentError("crash_limit", f"{crashes} deliveries ended with the consumer's death")
