"""Turns what botocore and its HTTP client raise into the port's few errors, in one place."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from mediamill_storage.direct_access import UploadNotFoundError
from mediamill_storage.object_store import ObjectNotFoundError, StorageFullError, StoreUnavailableError

_MISSING = frozenset({"404", "NoSuchKey", "NotFound"})
_FULL = frozenset(
    {"507", "InsufficientStorage", "QuotaExceeded", "XMinioStorageFull", "XMinioAdminBucketQuotaExceeded"}
)


@asynccontextmanager
async def store_errors(key: str, seconds: float | None = None) -> AsyncIterator[None]:
    """Run calls about one object, for at most so long; raises the errors that the port names."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except ClientError as error:
        raise _named(error, key) from error
    except TimeoutError as error:
        raise StoreUnavailableError("timeout", f"no answer in time about {key}") from error
    except (BotoCoreError, HTTPClientError, aiohttp.ClientError) as error:
        raise StoreUnavailableError("unreachable", str(error)) from error


def code_of(error: ClientError) -> str:
    """Return what the server called the error; the status code where it sent no body (as to HEAD)."""
    return error.response.get("Error", {}).get("Code", "")


def _named(error: ClientError, key: str) -> Exception:
    code = code_of(error)
    detail = error.response.get("Error", {}).get("Message", "") or str(error)
    if code in _MISSING:
        return ObjectNotFoundError(key)
    if code in _FULL:
        return StorageFullError(detail)
    if code == "NoSuchUpload":
        return UploadNotFoundError(key)
    return StoreUnavailableError(code, detail)
