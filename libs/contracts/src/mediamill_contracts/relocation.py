"""Moving a medium's objects to other keys of the same stores, as when a message takes it in.

The worker only copies. Whoever asked names the copies in its records once they are whole, and has what they
were made from removed some time later: at every moment what the records name can be fetched.
"""

from typing import ClassVar
from uuid import UUID

from pydantic import Field

from mediamill_contracts.ids import repeatable_id
from mediamill_contracts.message import Message, Part, Sha256, UserId
from mediamill_contracts.recipe import MediaType, ObjectKey, Store
from mediamill_contracts.storage import S3Location


class ObjectMove(Part):
    """One object: where it is, where it shall be, and what its bytes are."""

    source_key: ObjectKey
    target_key: ObjectKey
    size_bytes: int = Field(ge=0)
    sha256: Sha256
    media_type: MediaType


class RequestRelocation(Message):
    """Copy all objects of a medium to their new keys, within each of the stores."""

    wire_name: ClassVar[str] = "relocation.requested"

    media_id: UUID
    user_id: UserId
    chat_message_id: UUID
    run: int = Field(default=0, ge=0)
    """Counts the times that it was asked for: again when the medium changed while it was copied."""
    moves: tuple[ObjectMove, ...] = Field(min_length=1, max_length=64)
    stores: tuple[Store, ...] = Field(default=("local",), min_length=1, max_length=2)
    s3: S3Location | None = None

    def message_id(self) -> UUID:
        """Return one id for each run."""
        return _run_id(self.wire_name, self.chat_message_id, self.media_id, self.run)


class RelocationCompleted(Message):
    """The copies are there and verified, in the stores that are named."""

    wire_name: ClassVar[str] = "relocation.completed"

    media_id: UUID
    user_id: UserId
    chat_message_id: UUID
    run: int = Field(default=0, ge=0)
    moves: tuple[ObjectMove, ...] = Field(min_length=1, max_length=64)
    stores: tuple[Store, ...] = ("local",)
    """Those that were asked for; in each of them there may be copies."""
    copied_to: tuple[Store, ...] = ()
    """Those that have every copy. One is missing where the store had lost or given up a source."""
    s3: S3Location | None = None

    def message_id(self) -> UUID:
        """Return one id for each run."""
        return _run_id(self.wire_name, self.chat_message_id, self.media_id, self.run)


def _run_id(name: str, chat_message_id: UUID, media_id: UUID, run: int) -> UUID:
    return repeatable_id(chat_message_id, f"{name}:{media_id}:{run}")
