"""What every HTTP application of the control plane is given by its composition root."""

from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request

from mediamill_runtime.identity import TokenVerifier
from mediamill_web.body_stream import BodyPace


@dataclass(frozen=True, kw_only=True)
class WebParts:
    """Who is let in, and how patiently bodies are read; a service's own parts extend it."""

    verifier: TokenVerifier
    pace: BodyPace = field(default_factory=BodyPace)
    show_details: bool = False
    """Technical details in problem documents: never in production."""


async def _parts(request: Request) -> WebParts:
    parts: WebParts = request.app.state.parts
    return parts


Parts = Annotated[WebParts, Depends(_parts)]
"""The parameter of a dependency that receives the parts of the application that was asked."""
