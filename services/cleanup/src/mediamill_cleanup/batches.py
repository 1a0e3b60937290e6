"""Takes long listings a batch at a time, so that memory is bounded however many objects there are."""

from collections.abc import AsyncIterator
from typing import TypeVar

BATCH = 500
T = TypeVar("T")


async def batched(items: AsyncIterator[T], size: int = BATCH) -> AsyncIterator[list[T]]:
    """Yield lists of up to `size` items."""
    batch: list[T] = []
    async for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
