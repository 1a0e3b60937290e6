"""The kinds of calls that can be queued, as data: who accepts a call need not know how it is run.

A package adds a kind by an entry point of the group `mediamill.call_types` that is a CallType. It is
installed where calls are accepted and where they are run; only the latter imports what `runner` names.
"""

from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from mediamill_contracts.topology import DISPATCHER_CALLS

GROUP = "mediamill.call_types"
LONGEST_SECONDS = 1_500
"""Below the 30 minutes after which a broker takes a call for lost and has it made again."""


@dataclass(frozen=True)
class CallType:
    """One kind of call: its payload, its bounds, and what a user is told when it does not work."""

    name: str
    payload: type[BaseModel]
    runner: str
    """`module:factory`; the factory makes a `mediamill_dispatcher.runner.Runner` from the environment."""
    public_error: str
    """Told while it is tried again; the reason itself stays inside."""
    public_failure: str
    """Told when it was given up."""
    time_limit_seconds: float = 120
    """Of one attempt, at most `LONGEST_SECONDS`."""
    concurrency: int = 3
    """Calls of this type that one dispatcher makes at once."""
    delays: tuple[float, ...] = DISPATCHER_CALLS.retry.delays
    """Seconds before each retry: values that the queue of calls has a waiting room for, and no more."""


class ImagePrompt(BaseModel):
    """What to paint."""

    model_config = ConfigDict(extra="forbid")

    prompt: Annotated[str, StringConstraints(min_length=1, max_length=4_000, strip_whitespace=True)]
    size: Literal["256x256", "512x512", "1024x1024", "1024x1536", "1536x1024"] = "1024x1024"
    """Width and height in pixels."""
    entity_type: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,63}$")] = Field(
        default="general", alias="entityType"
    )
    alt: Annotated[str, StringConstraints(max_length=2_000)] | None = None


IMAGE_GENERATION = CallType(
    name="image_generation",
    payload=ImagePrompt,
    runner="mediamill_dispatcher.calls.image_generation:build",
    public_error="Sorry, the generation server is not available. We will keep trying.",
    public_failure="Sorry, the picture could not be generated. Please try again later.",
)


@cache
def call_types() -> dict[str, CallType]:
    """Return all installed kinds of calls, by name. Raises ValueError for one that cannot work."""
    found = {entry.name: entry.load() for entry in entry_points(group=GROUP)}
    for name, kind in found.items():
        if not isinstance(kind, CallType) or kind.name != name:
            raise ValueError(f"entry point {name!r} of {GROUP} is not a CallType of that name")
        if len(kind.delays) > len(DISPATCHER_CALLS.retry.delays):
            raise ValueError(f"call type {name!r} has more retries than the queue of calls")
        if not 0 < kind.time_limit_seconds <= LONGEST_SECONDS:
            raise ValueError(f"call type {name!r} may take {LONGEST_SECONDS} seconds at most")
    return found
