"""Moves bytes with obstore, whose Rust needs a quarter of the CPU that botocore does for an object.

It resolves names by itself, so it is for endpoints that are trusted.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import BaseError, PreconditionError
from obstore.store import S3Store

from mediamill_contracts.storage import S3Location
from mediamill_storage.object_store import ObjectNotFoundError, StorageFullError, StoreUnavailableError
from mediamill_storage.s3.addressing import addressing_style
from mediamill_storage.s3.checksums import kept_in, metadata_of
from mediamill_storage.s3.credentials import S3Credentials
from mediamill_storage.s3.http import S3Http
from mediamill_storage.s3.transfer import READ_CHUNK_BYTES, OpenedObject

if TYPE_CHECKING:
    from obstore import GetOptions
    from obstore.store import ClientConfig, S3Config

_STATUS = re.compile(r"status code: (\d{3})")
_CODE = re.compile(r"<Code>(\w+)</Code>")
_FAILURES = (BaseError, FileNotFoundError, TimeoutError)
"""What obstore raises; a missing object is the built-in error."""


class FastTransfer:
    """A Transfer for endpoints that the operator trusts."""

    def __init__(self, location: S3Location, credentials: S3Credentials, http: S3Http) -> None:
        """Make the clients; nothing is connected. Silence is measured in reading only.

        While a request's body is sent the server is silent by right, so writing has the longer limit.
        """
        self._seconds = http.request_seconds
        patience = timedelta(seconds=http.request_seconds)
        options: ClientConfig = {
            "allow_http": True,
            "connect_timeout": timedelta(seconds=http.connect_seconds),
            "timeout": patience,
        }
        silence: ClientConfig = {"read_timeout": timedelta(seconds=http.read_seconds)}
        elsewhere: S3Config = {} if location.endpoint is None else {"endpoint": location.endpoint}
        self._writing, self._reading = (
            S3Store(
                location.bucket,
                config=elsewhere,
                region=location.region,
                access_key_id=credentials.access_key_id,
                secret_access_key=credentials.secret_access_key,
                virtual_hosted_style_request=addressing_style(location) == "virtual",
                checksum_algorithm="SHA256",
                client_options=client_options,
                retry_config={
                    "max_retries": http.attempts - 1,
                    "retry_timeout": patience,
                    "backoff": {
                        "init_backoff": timedelta(seconds=0.1),
                        "max_backoff": timedelta(seconds=20),
                        "base": 2,
                    },
                },
            )
            for client_options in (options, options | silence)
        )

    async def put(self, key: str, data: bytes, *, sha256: str, media_type: str) -> None:
        """Store bytes with their hash, which the server verifies."""
        attributes = {"Content-Type": media_type, **metadata_of(sha256)}
        try:
            async with asyncio.timeout(self._seconds):
                await obstore.put_async(self._writing, key, data, attributes=attributes, use_multipart=False)
        except FileNotFoundError as error:
            raise StoreUnavailableError("NoSuchBucket", "there is no such bucket") from error
        except _FAILURES as error:
            raise _named(error, key) from error

    @asynccontextmanager
    async def open(
        self, key: str, start: int, end: int | None, version: str | None
    ) -> AsyncIterator[OpenedObject]:
        """Open bytes `start` to `end` (exclusive) of one version, or of whatever is there."""
        options: GetOptions = {}
        if version is not None:
            options["if_match"] = version
        if end is not None:
            options["range"] = (start, end)
        elif start:
            options["range"] = {"offset": start}
        try:
            async with asyncio.timeout(self._seconds):
                found = await obstore.get_async(self._reading, key, options=options)
        except _FAILURES as error:
            raise _named(error, key) from error

        async def chunks() -> AsyncIterator[bytes]:
            try:
                async for chunk in found.stream(min_chunk_size=READ_CHUNK_BYTES):
                    yield bytes(chunk)
            except _FAILURES as error:
                raise _named(error, key) from error

        metadata = {name: value for name, value in found.attributes.items() if isinstance(value, str)}
        yield OpenedObject(chunks(), found.meta["e_tag"] or "", kept_in(metadata))


def _named(error: Exception, key: str) -> Exception:
    """Return the port's error; what the server said is only in the text of obstore's."""
    text = str(error)
    status, code = _STATUS.search(text), _CODE.search(text)
    named = code[1] if code else status[1] if status else "unreachable"
    if isinstance(error, TimeoutError):
        return StoreUnavailableError("timeout", f"no answer in time about {key}")
    if isinstance(error, FileNotFoundError) and named != "NoSuchBucket":
        return ObjectNotFoundError(key)
    if isinstance(error, PreconditionError):
        return StoreUnavailableError("PreconditionFailed", f"{key} has changed")
    if status is not None and status[1] == "507":
        return StorageFullError("the server has no room left")
    return StoreUnavailableError(named, text.partition("\n")[0][:500])
