"""What a kind of call provides to be run, and how it says what went wrong."""

from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from pydantic import BaseModel

from mediamill_messaging.transport import Publisher
from mediamill_storage.object_store import ObjectStore


class UpstreamUnavailableError(Exception):
    """The upstream gave no answer that makes sense: try again, after `retry_after` seconds if it said so."""

    def __init__(self, reason: str, *, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class UpstreamRefusedError(Exception):
    """The upstream understood and does not want to: trying again is pointless."""

    def __init__(self, code: str, public: str, reason: str = "") -> None:
        """Take a stable code, a sentence that users may read, and the reason that stays inside."""
        super().__init__(reason or public)
        self.code = code
        self.public = public


@dataclass(frozen=True)
class CallContext:
    """Whose call it is, and what a runner may use of the platform."""

    job_id: UUID
    user_id: str
    store: ObjectStore
    """For bytes that go through the normal upload path: stage them under `temp/` and announce them."""
    publisher: Publisher


class Runner(Protocol):
    """Makes calls of one kind. A job that it is asked for again must have the same effects, not more."""

    async def run(self, payload: BaseModel, context: CallContext) -> dict[str, Any]:
        """Return the result, as JSON without secrets.

        Raises UpstreamUnavailableError or UpstreamRefusedError; any other exception counts as unavailable.
        """

    async def close(self) -> None:
        """Let connections go."""
