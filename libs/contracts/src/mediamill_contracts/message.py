"""What every message is: frozen, tolerant of new fields, and named by a constant."""

from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, StringConstraints

from mediamill_contracts.ids import new_id

MAX_MESSAGE_BYTES = 256 * 1024
"""Messages carry keys, never bytes: a larger one is refused by the publisher."""

WITHOUT_NUL = r"^[^\x00]*$"
"""PostgreSQL keeps no NUL in text: a message with one would fail at each try, and so would a request."""

ShortText = Annotated[str, StringConstraints(max_length=255, pattern=WITHOUT_NUL)]
LongText = Annotated[str, StringConstraints(max_length=2_000, pattern=WITHOUT_NUL)]
UserId = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=WITHOUT_NUL)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Timestamp = AwareDatetime


class Part(BaseModel):
    """A value inside a message: immutable; fields a newer sender added are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Message(Part):
    """An event (past tense) or a command (imperative) on the wire.

    `wire_name` is the AMQP `type` and never changes once released; `routing_key` carries no ids.
    """

    wire_name: ClassVar[str]

    @property
    def routing_key(self) -> str:
        """Topic that the message is published under."""
        return self.wire_name

    def message_id(self) -> UUID:
        """Identity of the message; events that report a job's result return the same one on a re-run."""
        return new_id()
