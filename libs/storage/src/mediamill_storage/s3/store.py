"""Objects in a bucket. A moved object is copied, verified and only then deleted, since S3 renames nothing."""

import asyncio
import hashlib
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mediamill_contracts.storage import S3Location
from mediamill_storage.atomic_file import full_disk_named
from mediamill_storage.checking import checked, require
from mediamill_storage.object_store import (
    CorruptObjectError,
    FinishedFile,
    ObjectNotFoundError,
    ObjectStat,
    StoredFile,
    StoreUnavailableError,
)
from mediamill_storage.rooted_paths import check_key
from mediamill_storage.s3.checksums import hex_of, kept_in, metadata_of
from mediamill_storage.s3.connection import S3Connection
from mediamill_storage.s3.credentials import S3Credentials
from mediamill_storage.s3.endpoint_guard import EndpointGuard
from mediamill_storage.s3.errors import store_errors
from mediamill_storage.s3.fast_transfer import FastTransfer
from mediamill_storage.s3.guarded_transfer import GuardedTransfer
from mediamill_storage.s3.http import S3Http
from mediamill_storage.s3.multipart import PART_BYTES, MultipartUpload, in_parts
from mediamill_storage.s3.presigning import S3DirectAccess
from mediamill_storage.s3.reading import read_object
from mediamill_storage.s3.source_file import measure, open_file, parts_of
from mediamill_storage.s3.transfer import Transfer

if TYPE_CHECKING:
    from types_aiobotocore_s3.client import S3Client

CHECK_KEY = "temp/check"
"""Begun by `check` and never completed: no object of this name ever appears."""


class S3ObjectStore:
    """An ObjectStore in a bucket. Objects that are moved or copied may have 5 GB, S3's limit for one copy."""

    def __init__(
        self,
        location: S3Location,
        credentials: S3Credentials,
        *,
        guard: EndpointGuard | None = None,
        http: S3Http | None = None,
        scratch: Path | None = None,
        browser_endpoint: str | None = None,
        fast: bool | None = None,
    ) -> None:
        """Use the bucket at `location`, which must exist; nothing is connected until the first request.

        Without a `guard` the endpoint is trusted. `scratch` is the folder for local copies, the system's for
        temporary files if None. `browser_endpoint` is where clients reach the server that is at the
        location's endpoint for us; signed URLs name it. `fast` chooses how bytes are moved; None goes by
        whether the endpoint is trusted.
        """
        self.location = location
        self._http = http or S3Http()
        self._bucket = location.bucket
        self._connection = S3Connection(location, credentials, self._http, guard=guard)
        self._transfer: Transfer = GuardedTransfer(self._connection, self._bucket, self._http)
        if self._connection.trusted if fast is None else fast:
            self._transfer = FastTransfer(location, credentials, self._http)
        self.direct = S3DirectAccess(
            location, credentials, self._connection, self._http, browser_endpoint=browser_endpoint
        )
        self._transfers = asyncio.Semaphore(self._http.connections)
        self._scratch = scratch

    async def put_files(self, files: Sequence[FinishedFile]) -> list[StoredFile]:
        """Store files and consume them, replacing what was there; return what they hold, in their order."""
        for file in files:
            check_key(file.key)
        outcomes = await asyncio.gather(*map(self._put_file, files), return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
        return [outcome for outcome in outcomes if isinstance(outcome, StoredFile)]

    async def put_stream(
        self, key: str, chunks: AsyncIterator[bytes], *, media_type: str, sha256: str | None = None
    ) -> int:
        """Store the chunks under `key`; return their size in bytes. Nothing appears if the stream raises.

        With `sha256`, in hex, other bytes than those raise CorruptObjectError, and nothing appears.
        The object knows its hash up to 8 MiB, and beyond that if it is given before the first byte.
        """
        check_key(key)
        parts = in_parts(chunks)
        first = await anext(parts)
        if len(first) < PART_BYTES:
            found = hashlib.sha256(first).hexdigest()
            require(key, found, sha256 or found)
            await self._put(key, first, found, media_type)
            return len(first)
        size = 0

        async def counted() -> AsyncIterator[bytes]:
            nonlocal size
            size = len(first)
            yield first
            async for part in parts:
                size += len(part)
                yield part

        stream = counted() if sha256 is None else checked(counted(), key, sha256)
        metadata = {} if sha256 is None else metadata_of(sha256)
        await (await self._multipart(key)).send(stream, media_type=media_type, metadata=metadata)
        return size

    async def read(
        self, key: str, *, start: int = 0, end: int | None = None, version: str | None = None
    ) -> AsyncIterator[bytes]:
        """Yield bytes `start` to `end` (exclusive), of one version; raises as the port says.

        With `version` (from `stat`), an object changed since raises StoreUnavailableError.
        """
        check_key(key)
        if end is not None and end <= start:
            if await self.stat(key) is None:
                raise ObjectNotFoundError(key)
            return
        attempts = self._http.attempts
        async for chunk in read_object(self._transfer, key, start, end, version, attempts=attempts):
            yield chunk

    @asynccontextmanager
    async def local_copy(self, key: str, *, version: str | None = None) -> AsyncIterator[Path]:
        """Give a file with the object's bytes, compared with size and hash; it is gone afterwards."""
        with tempfile.NamedTemporaryFile(prefix="mediamill-", dir=self._scratch) as file:
            with full_disk_named():
                async for chunk in self.read(key, version=version):
                    file.write(chunk)
                file.flush()
            yield Path(file.name)

    async def stat(self, key: str) -> ObjectStat | None:
        """Return size, time, hash and version, or None when there is no such object."""
        check_key(key)
        with suppress(ObjectNotFoundError):
            async with store_errors(key, self._http.request_seconds):
                found = await (await self._client()).head_object(
                    Bucket=self._bucket, Key=key, ChecksumMode="ENABLED"
                )
            sha256 = kept_in(found["Metadata"]) or hex_of(found.get("ChecksumSHA256"))
            return ObjectStat(
                key, found["ContentLength"], found["LastModified"], sha256=sha256, version=found["ETag"]
            )
        return None

    async def move(self, source_key: str, target_key: str) -> None:
        """Copy, verify, delete. Again after success, it does nothing; raises ObjectNotFoundError."""
        check_key(target_key)
        found = await self.stat(source_key)
        if found is None:
            if await self.stat(target_key) is None:
                raise ObjectNotFoundError(source_key)
            return
        if source_key != target_key:
            await self.copy(source_key, target_key, version=found.version)
            await self._delete(source_key)

    async def copy(
        self,
        source_key: str,
        target_key: str,
        *,
        version: str | None = None,
        media_type: str | None = None,
        sha256: str | None = None,
    ) -> ObjectStat:
        """Copy within the bucket, compare the copy with its source, and return what it is.

        `version` (from `stat`) must still be there, else StoreUnavailableError: bytes that were examined are
        then not the ones that would be published. `media_type` with `sha256` replaces what the source said
        about itself. Raises ObjectNotFoundError, CorruptObjectError after removing a wrong copy.
        """
        check_key(target_key)
        source = await self.stat(source_key)
        if source is None:
            raise ObjectNotFoundError(source_key)
        options: dict[str, Any] = {"CopySourceIfMatch": version or source.version}
        if media_type is not None:
            metadata = metadata_of(sha256) if sha256 is not None else {}
            options |= {"MetadataDirective": "REPLACE", "ContentType": media_type, "Metadata": metadata}
        async with store_errors(source_key, self._http.request_seconds):
            await (await self._client()).copy_object(
                Bucket=self._bucket,
                Key=target_key,
                CopySource={"Bucket": self._bucket, "Key": source_key},
                **options,
            )
        copied = await self.stat(target_key)
        if copied is None or copied.size_bytes != source.size_bytes:
            await self._delete(target_key)
            raise CorruptObjectError(f"{target_key}: the copy is not what {source_key} is")
        return copied

    async def delete(self, key: str) -> bool:
        """Remove; return whether there was anything."""
        if await self.stat(key) is None:
            return False
        await self._delete(key)
        return True

    async def list(self, prefix: str) -> AsyncIterator[ObjectStat]:
        """Yield the objects whose keys begin with `prefix`, in no promised order."""
        client = await self._client()
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
        async with store_errors(prefix):
            async for page in pages:
                for item in page.get("Contents", ()):
                    yield ObjectStat(
                        item["Key"], item["Size"], item["LastModified"], version=item.get("ETag")
                    )

    async def check(self) -> None:
        """Raise StoreUnavailableError when the bucket cannot be written to now; leaves nothing behind."""
        client = await self._client()
        try:
            async with store_errors(CHECK_KEY, self._http.connect_seconds + self._http.read_seconds):
                begun = await client.create_multipart_upload(Bucket=self._bucket, Key=CHECK_KEY)
                await client.abort_multipart_upload(
                    Bucket=self._bucket, Key=CHECK_KEY, UploadId=begun["UploadId"]
                )
        except ObjectNotFoundError as error:
            raise StoreUnavailableError("NoSuchBucket", f"there is no bucket {self._bucket}") from error

    async def close(self) -> None:
        """Close the connections."""
        await self._connection.close()

    async def _client(self) -> "S3Client":
        return await self._connection.client()

    async def _multipart(self, key: str) -> MultipartUpload:
        return MultipartUpload(
            await self._client(), self._bucket, key, request_seconds=self._http.request_seconds
        )

    async def _put_file(self, source: FinishedFile) -> StoredFile:
        async with self._transfers:
            file = await asyncio.to_thread(open_file, source.path)
            with file:
                stored = await asyncio.to_thread(measure, file)
                if stored.size_bytes <= PART_BYTES:
                    await self._put(source.key, file.read(), stored.sha256, source.media_type)
                else:
                    await (await self._multipart(source.key)).send(
                        parts_of(file, PART_BYTES),
                        media_type=source.media_type,
                        metadata=metadata_of(stored.sha256),
                    )
            source.path.unlink(missing_ok=True)
            return stored

    async def _put(self, key: str, data: bytes, sha256: str, media_type: str) -> None:
        await self._transfer.put(key, data, sha256=sha256, media_type=media_type)

    async def _delete(self, key: str) -> None:
        async with store_errors(key, self._http.request_seconds):
            await (await self._client()).delete_object(Bucket=self._bucket, Key=key)
