"""Reading an object to its end, whatever happens to the connection on the way."""

import asyncio
import hashlib
import random
from collections.abc import AsyncIterator

from mediamill_storage.checking import require
from mediamill_storage.object_store import StoreUnavailableError
from mediamill_storage.s3.transfer import Transfer

_PAST_THE_END = frozenset({"InvalidRange", "416"})
_LONGEST_WAIT_SECONDS = 20.0


async def read_object(
    transfer: Transfer, key: str, start: int, end: int | None, version: str | None, *, attempts: int
) -> AsyncIterator[bytes]:
    """Yield bytes `start` to `end` (exclusive) of `version`, or of whatever is there first.

    A broken body is taken up again where it broke, of the same version. An object read whole is compared
    with the hash kept in its metadata. Raises ObjectNotFoundError, StoreUnavailableError, CorruptObjectError.
    """
    position = start
    failures = 0
    digest = hashlib.sha256() if start == 0 and end is None else None
    while True:
        begun = False
        try:
            async with transfer.open(key, position, end, version) as opened:
                begun, version = True, opened.version
                async for chunk in opened.chunks:
                    position += len(chunk)
                    if digest is not None:
                        digest.update(chunk)
                    yield chunk
        except StoreUnavailableError as error:
            if error.code in _PAST_THE_END:
                return
            failures += 1
            if not begun or failures >= attempts:
                raise  # a request that failed altogether has had its attempts
            await asyncio.sleep(_wait_seconds(failures))
        else:
            if digest is not None and opened.sha256 is not None:
                require(key, digest.hexdigest(), opened.sha256)
            return


def _wait_seconds(failures: int) -> float:
    longest = min(_LONGEST_WAIT_SECONDS, 2.0 ** (failures - 1))
    return random.uniform(0, longest)  # noqa: S311 - spreads clients, guards nothing
