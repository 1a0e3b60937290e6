"""Reading an object to its end, whatever happens to the connection on the way."""

import asyncio
import hashlib
import random
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from mediamill_storage.object_store import CorruptObjectError, StoreUnavailableError
from mediamill_storage.s3.checksums import kept_in
from mediamill_storage.s3.connection import S3Connection, S3Http
from mediamill_storage.s3.errors import store_errors

if TYPE_CHECKING:
    from types_aiobotocore_s3.type_defs import GetObjectOutputTypeDef

READ_CHUNK_BYTES = 256 * 1024
_CHANGED = frozenset({"PreconditionFailed", "412"})
_PAST_THE_END = frozenset({"InvalidRange", "416"})
_LONGEST_WAIT_SECONDS = 20.0


class ObjectReader:
    """Reads a range of one object. A broken body is taken up again where it broke, of the same version."""

    def __init__(self, connection: S3Connection, http: S3Http, bucket: str, key: str) -> None:
        self._connection = connection
        self._http = http
        self._bucket = bucket
        self._key = key

    async def read(self, start: int, end: int | None, version: str | None) -> AsyncIterator[bytes]:
        """Yield bytes `start` to `end` (exclusive) of `version`, or of whatever is there first.

        An object read whole is compared with the hash kept in its metadata.
        Raises ObjectNotFoundError, StoreUnavailableError, CorruptObjectError.
        """
        position = start
        failures = 0
        digest = hashlib.sha256()
        while True:
            try:
                async with store_errors(self._key):
                    answer = await self._open(position, end, version)
                    version = answer["ETag"]
                    body = answer["Body"]
                    async with body:
                        while chunk := await body.read(READ_CHUNK_BYTES):
                            position += len(chunk)
                            digest.update(chunk)
                            yield chunk
                if start == 0 and end is None:
                    self._compare(kept_in(answer["Metadata"]), digest.hexdigest())
                return
            except StoreUnavailableError as error:
                if error.code in _PAST_THE_END:
                    return
                failures += 1
                if error.code in _CHANGED or failures >= self._http.attempts:
                    raise
                await asyncio.sleep(_wait_seconds(failures))

    async def _open(self, position: int, end: int | None, version: str | None) -> "GetObjectOutputTypeDef":
        options: dict[str, Any] = {}
        if position or end is not None:
            options["Range"] = f"bytes={position}-{'' if end is None else end - 1}"
        if version is not None:
            options["IfMatch"] = version
        client = await self._connection.client()
        async with asyncio.timeout(self._http.request_seconds):
            return await client.get_object(Bucket=self._bucket, Key=self._key, **options)

    def _compare(self, expected: str | None, found: str) -> None:
        if expected is not None and expected != found:
            raise CorruptObjectError(f"{self._key}: stored as {expected}, read as {found}")


def _wait_seconds(failures: int) -> float:
    longest = min(_LONGEST_WAIT_SECONDS, 2.0 ** (failures - 1))
    return random.uniform(0, longest)  # noqa: S311 - spreads clients, guards nothing
