"""A kind of queued call: translates a text with a LibreTranslate server."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

from mediamill_contracts.call_types import CallType


class Text(BaseModel):
    """What to translate into which language, as `de`."""

    model_config = ConfigDict(extra="forbid")

    text: Annotated[str, StringConstraints(min_length=1, max_length=10_000)]
    target: Annotated[str, StringConstraints(pattern=r"^[a-z]{2}$")]


TRANSLATION = CallType(
    name="translation",
    payload=Text,
    runner="mediamill_translation.runner:build",
    public_error="Sorry, the translation server is not available. We will keep trying.",
    public_failure="Sorry, the text could not be translated. Please try again later.",
    time_limit_seconds=30,
    concurrency=2,
    delays=(1, 5, 15),
)
