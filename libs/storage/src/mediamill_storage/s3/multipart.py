"""Objects too large for one request, or of unknown length: sent in parts, a few at the same time."""

import asyncio
import io
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from mediamill_storage.direct_access import UploadNotFoundError
from mediamill_storage.object_store import StoreUnavailableError
from mediamill_storage.s3.checksums import sha256_header
from mediamill_storage.s3.errors import store_errors

if TYPE_CHECKING:
    from types_aiobotocore_s3.client import S3Client
    from types_aiobotocore_s3.type_defs import CompletedPartTypeDef

PART_BYTES = 8 * 1024 * 1024
"""Size of each part but the last; S3 takes 10,000 of at least 5 MiB, so this reaches 80 GB."""
PARTS_AT_ONCE = 4
"""Also bounds the memory of one upload, to so many parts and one."""


async def in_parts(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Cut a stream into parts; yields at least one, which may be empty."""
    part = bytearray()
    count = 0
    async for chunk in chunks:
        part += chunk
        while len(part) > PART_BYTES:
            yield bytes(part[:PART_BYTES])
            count += 1
            del part[:PART_BYTES]
    if part or not count:
        yield bytes(part)


class MultipartUpload:
    """One object on its way. The object appears with the last request; on any error nothing is left."""

    def __init__(self, client: "S3Client", bucket: str, key: str, *, request_seconds: float) -> None:
        self._client = client
        self._bucket = bucket
        self._key = key
        self._seconds = request_seconds

    async def send(
        self, parts: AsyncIterator[bytes], *, media_type: str, metadata: Mapping[str, str]
    ) -> None:
        """Send all parts; raises StoreUnavailableError and StorageFullError, and what `parts` raises."""
        async with store_errors(self._key, self._seconds):
            begun = await self._client.create_multipart_upload(
                Bucket=self._bucket,
                Key=self._key,
                ContentType=media_type,
                Metadata=metadata,
                ChecksumAlgorithm="SHA256",
            )
        upload_id = begun["UploadId"]
        try:
            sent = await self._send_parts(upload_id, parts)
            async with store_errors(self._key, self._seconds):
                await self._client.complete_multipart_upload(
                    Bucket=self._bucket, Key=self._key, UploadId=upload_id, MultipartUpload={"Parts": sent}
                )
        except UploadNotFoundError as error:
            raise StoreUnavailableError("NoSuchUpload", f"lost while it was sent: {self._key}") from error
        except BaseException:
            await asyncio.shield(self._abort(upload_id))
            raise

    async def _send_parts(self, upload_id: str, parts: AsyncIterator[bytes]) -> "list[CompletedPartTypeDef]":
        running: set[asyncio.Task[CompletedPartTypeDef]] = set()
        sent: list[CompletedPartTypeDef] = []
        number = 0
        try:
            async for part in parts:
                number += 1
                running.add(asyncio.create_task(self._send_part(upload_id, number, part)))
                if len(running) >= PARTS_AT_ONCE:
                    done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                    sent += [task.result() for task in done]
            sent += await asyncio.gather(*running)
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
        return sorted(sent, key=lambda part: part["PartNumber"])

    async def _send_part(self, upload_id: str, number: int, data: bytes) -> "CompletedPartTypeDef":
        checksum = await asyncio.to_thread(sha256_header, data)
        async with store_errors(self._key, self._seconds):
            answer = await self._client.upload_part(
                Bucket=self._bucket,
                Key=self._key,
                UploadId=upload_id,
                PartNumber=number,
                Body=io.BytesIO(data),
                ChecksumSHA256=checksum,
            )
        return {"PartNumber": number, "ETag": answer["ETag"], "ChecksumSHA256": checksum}

    async def _abort(self, upload_id: str) -> None:
        """Remove the parts; where that fails, the bucket's lifecycle rule removes them after a day."""
        with suppress(StoreUnavailableError, UploadNotFoundError):
            async with store_errors(self._key, self._seconds):
                await self._client.abort_multipart_upload(
                    Bucket=self._bucket, Key=self._key, UploadId=upload_id
                )
