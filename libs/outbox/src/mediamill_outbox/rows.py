"""Row counts of statements that change rows."""

from typing import Any

from sqlalchemy import CursorResult, Result


def affected(result: Result[Any]) -> int:
    """Return how many rows an INSERT, UPDATE or DELETE touched."""
    return result.rowcount if isinstance(result, CursorResult) else 0
