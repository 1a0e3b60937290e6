"""Queued calls to upstream APIs."""

from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from mediamill_contracts.ids import repeatable_id
from mediamill_contracts.media import ReasonCode
from mediamill_contracts.message import LongText, Message, UserId

CallTypeName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]


class RequestCall(Message):
    """Run one call of a registered type; the payload holds no secrets."""

    wire_name: ClassVar[str] = "call.requested"

    job_id: UUID
    user_id: UserId
    call_type: CallTypeName
    payload: dict[str, Any]

    def message_id(self) -> UUID:
        """Return one id for each call."""
        return repeatable_id(self.job_id, self.wire_name)


class CallProgressed(Message):
    """Where a call is: news, which the next report or the end makes good."""

    wire_name: ClassVar[str] = "call.progressed"

    job_id: UUID
    user_id: UserId
    call_type: CallTypeName
    status: Literal["active", "retrying"]
    attempt: int = Field(ge=0)
    """Of the attempts so far the last; 0 while the upstream is down and none was made."""
    detail: LongText | None = None
    """Safe to show to the user."""


class CallCompleted(Message):
    """A call has ended, well or for good."""

    wire_name: ClassVar[str] = "call.completed"

    job_id: UUID
    user_id: UserId
    call_type: CallTypeName
    status: Literal["completed", "failed"]
    result: dict[str, Any] | None = None
    """What the type of call returns; `mediaId` is kept for a medium that the call made."""
    code: ReasonCode | None = None
    detail: LongText | None = None

    def message_id(self) -> UUID:
        """Return one id for each call."""
        return repeatable_id(self.job_id, self.wire_name)
