"""Moves bytes with the client that all other requests use: its connections go where the guard lets them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from mediamill_storage.s3.checksums import header_of, kept_in, metadata_of
from mediamill_storage.s3.connection import S3Connection
from mediamill_storage.s3.errors import store_errors
from mediamill_storage.s3.http import S3Http
from mediamill_storage.s3.transfer import READ_CHUNK_BYTES, OpenedObject


class GuardedTransfer:
    """A Transfer for endpoints that nobody but the settings in the database vouches for."""

    def __init__(self, connection: S3Connection, bucket: str, http: S3Http) -> None:
        self._connection = connection
        self._bucket = bucket
        self._seconds = http.request_seconds

    async def put(self, key: str, data: bytes, *, sha256: str, media_type: str) -> None:
        """Store bytes with their hash, which the server verifies."""
        client = await self._connection.client()
        async with store_errors(key, self._seconds):
            await client.put_object(
                Bucket=self._bucket,
                Key=key,
                Body=data,
                ContentType=media_type,
                ChecksumSHA256=header_of(sha256),
                Metadata=metadata_of(sha256),
            )

    @asynccontextmanager
    async def open(
        self, key: str, start: int, end: int | None, version: str | None
    ) -> AsyncIterator[OpenedObject]:
        """Open bytes `start` to `end` (exclusive) of one version, or of whatever is there."""
        options: dict[str, Any] = {}
        if start or end is not None:
            options["Range"] = f"bytes={start}-{'' if end is None else end - 1}"
        if version is not None:
            options["IfMatch"] = version
        client = await self._connection.client()
        async with store_errors(key):
            async with asyncio.timeout(self._seconds):
                answer = await client.get_object(Bucket=self._bucket, Key=key, **options)
            body = answer["Body"]

            async def chunks() -> AsyncIterator[bytes]:
                while chunk := await body.read(READ_CHUNK_BYTES):
                    yield chunk

            async with body:
                yield OpenedObject(chunks(), answer["ETag"], kept_in(answer["Metadata"]))
