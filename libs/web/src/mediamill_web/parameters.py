"""Query parameters that several lists share."""

from typing import Annotated
from uuid import UUID

from fastapi import Query

Limit = Annotated[int, Query(ge=1, le=200, description="Most items of the page.")]
Cursor = Annotated[UUID | None, Query(description="`nextCursor` of the page before.")]
DEFAULT_LIMIT = 50
