"""What becomes of a failed delivery, decided in one place for every transport."""

from dataclasses import dataclass

from mediamill_contracts.topology import RetryPolicy
from mediamill_messaging.errors import NotNowError, PermanentError

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

    `failures` counts the earlier deliveries that raised. A PermanentError is final under its own code; any
    NotNowError waits without counting; every other exception is retried by the policy and ends as
    `retries_exhausted` when no delay is left.
    """
    if isinstance(error, PermanentError):
        return Dead(error.code, str(error)[:MAX_ERROR_LENGTH])
    if isinstance(error, NotNowError) and policy.delays:
        delay = next((each for each in sorted(policy.delays) if each >= error.seconds), max(policy.delays))
        return Retry(delay, "not_now", str(error)[:MAX_ERROR_LENGTH], counts=False)
    text = f"{type(error).__name__}: {error}"[:MAX_ERROR_LENGTH]
    if failures < len(policy.delays):
        return Retry(policy.delays[failures], "unexpected_error", text)
    return Dead("retries_exhausted", text)


def check_crashes(crashes: int, policy: RetryPolicy) -> None:
    """Raise PermanentError(`crash_limit`) for a message that killed its consumer too often.

    Called before the handler runs: the next attempt would most likely kill the process again.
    """
    if crashes >= policy.max_crashes:
        raise PermanentError("crash_limit", f"{crashes} deliveries ended with the consumer's death")
