"""What the routes work with, handed in once by the composition root."""

from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import Annotated

from fastapi import Depends, Request

from mediamill_database import Database
from mediamill_ingest.auth.sessions import Sessions
from mediamill_ingest.current_stores import CurrentStores
from mediamill_ingest.http.upload_turns import UploadTurns
from mediamill_ingest.right_of_way import RightOfWay
from mediamill_ingest.usecases.accept_upload import UploadIntake
from mediamill_ingest.usecases.confirm_upload import Confirmation
from mediamill_ingest.usecases.initiate_upload import UploadPace
from mediamill_storage.inspection import AcceptancePolicy
from mediamill_storage.local import LocalObjectStore
from mediamill_web.parts import WebParts


@dataclass(frozen=True)
class UploadLimits:
    """How much one request may ask for; sizes of files are in the acceptance policy."""

    max_form_fields: int = 16
    max_field_bytes: int = 8 * 1024
    max_bulk_files: int = 1_000
    max_bulk_bytes: int = 10_000_000_000
    sync_threshold: int = 5
    """`Prefer: wait` is honoured while fewer jobs than this are open."""
    max_wait_seconds: float = 30.0


@dataclass(frozen=True, kw_only=True)
class HttpParts(WebParts):
    """Database, stores, identity and limits."""

    database: Database
    stores: CurrentStores
    sessions: Sessions | None
    """None when users sign in elsewhere."""
    policy: AcceptancePolicy
    limits: UploadLimits = field(default_factory=UploadLimits)
    right_of_way: RightOfWay = field(default_factory=RightOfWay)
    """What admission in this process makes way for."""
    turns: UploadTurns = field(default_factory=UploadTurns)
    """What lets a few uploads at a time be received."""
    upload_pace: UploadPace = field(default_factory=UploadPace)
    upload_lifetime: timedelta = timedelta(days=1)
    """How long an upload to S3 may take from its beginning to its confirmation."""

    @property
    def store(self) -> LocalObjectStore:
        """Where bytes that come over HTTP are staged."""
        return self.stores.local

    @cached_property
    def intake(self) -> UploadIntake:
        """What makes uploads durable; one for all requests, so that they share transactions."""
        return UploadIntake(self.database)

    @cached_property
    def confirmation(self) -> Confirmation:
        """What confirms uploads to S3; one for all requests, so that they share the work."""
        return Confirmation(self.database, self.stores, self.policy, self.upload_lifetime)


def parts_of(request: Request) -> HttpParts:
    """Return the parts of the application that the request came to."""
    parts: HttpParts = request.app.state.parts
    return parts


async def _parts(request: Request) -> HttpParts:
    return parts_of(request)


Parts = Annotated[HttpParts, Depends(_parts)]
"""The route's parameter that receives the parts."""
