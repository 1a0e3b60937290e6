"""How a handler says that trying again is pointless."""


class PermanentError(Exception):
    """Raised by a handler or use case: no retry, straight to the dead letters.

    `code` is stable and goes into records and metrics; `detail` is safe to show to a user.
    Any other exception is retried by the queue's policy.
    """

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code
        self.detail = detail


class RetryLaterError(Exception):
    """Raised by a handler that knows when to deliver the message again.

    The wait is the shortest of the queue's retry delays that is at least `seconds` long, or the longest there
    is. With `counts` False it is no failure: the handler did not begin, for a reason outside of the message.
    """

    def __init__(self, seconds: float, reason: str = "", *, counts: bool = True) -> None:
        super().__init__(reason)
        self.seconds = seconds
        self.counts = counts


class UnroutableError(PermanentError):
    """No queue and no listener is bound to the message's routing key, nor is one planned."""

    def __init__(self, routing_key: str) -> None:
        super().__init__("unroutable", f"no queue takes {routing_key}")


class BrokerUnavailableError(Exception):
    """The broker did not confirm in time; the message may or may not have arrived."""


class BrokerRefusedError(BrokerUnavailableError):
    """The broker answered that it does not take this message now: a queue is full."""
