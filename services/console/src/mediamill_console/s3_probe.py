"""Tries out whether a bucket can be used, with the same client that workers use, only less patient.

Whoever may change settings must not learn from the answers what there is in the inner network. So the
address is checked where the connection is made, redirects are not followed, and whatever does not answer as
S3 does is "not reachable": a closed port, a name that does not exist, or one that leads inside.
"""

import asyncio
import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mediamill_console.ports import S3Failure, S3Finding
from mediamill_contracts.storage import S3Location
from mediamill_storage.object_store import StoreUnavailableError
from mediamill_storage.s3 import EndpointRefusedError, S3Http, S3Stores
from mediamill_storage.s3.endpoint_guard import is_public

if TYPE_CHECKING:
    from mediamill_storage.s3.store import S3ObjectStore

PROBE_SECONDS = 5.0
"""Whoever asks waits for the answer."""
MAX_COUNTED = 10_000
"""Ten requests; more objects than this are `at least`."""

_QUICK = S3Http(connections=2, connect_seconds=2, read_seconds=4, request_seconds=PROBE_SECONDS, attempts=1)
_FAILURES: dict[str, S3Failure] = {
    "NoSuchBucket": "no_such_bucket",
    "InvalidBucketName": "no_such_bucket",
    "InvalidAccessKeyId": "wrong_credentials",
    "SignatureDoesNotMatch": "wrong_credentials",
    "InvalidClientTokenId": "wrong_credentials",
    "AccessDenied": "access_denied",
    "AllAccessDisabled": "access_denied",
    "AccountProblem": "access_denied",
    "AuthorizationHeaderMalformed": "wrong_region",
    "IllegalLocationConstraintException": "wrong_region",
    "PermanentRedirect": "wrong_region",
    "RequestTimeTooSkewed": "refused",
    "SlowDown": "refused",
    "InternalError": "refused",
    "ServiceUnavailable": "refused",
}
_MESSAGES: dict[S3Failure, str] = {
    "not_configured": "No bucket is named.",
    "no_credentials": "The environment has no keys for S3 (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY).",
    "not_allowed": "This endpoint is not allowed. S3_ALLOWED_ENDPOINTS lists hosts of the inner network.",
    "not_reachable": "No S3 server can be reached at this endpoint.",
    "no_such_bucket": "There is no such bucket.",
    "wrong_credentials": "The server does not know the key, or its secret is wrong.",
    "wrong_region": "The bucket is in another region.",
    "access_denied": "The key is right, but may not list and write objects in this bucket.",
    "refused": "The server answers, but refuses at present.",
}


class S3Probe:
    """Tries locations out with the environment's keys."""

    def __init__(self, stores: S3Stores | None) -> None:
        self._stores = stores

    @property
    def has_credentials(self) -> bool:
        """Whether the environment has keys for S3."""
        return self._stores is not None

    async def is_allowed(self, endpoint: str) -> bool:
        """Return whether the endpoint may be asked at all; a name that nobody knows may not."""
        if self._stores is None:
            return True
        try:
            await self._stores.guard.check(endpoint)
        except StoreUnavailableError:
            return False
        return True

    async def probe(self, location: S3Location | None) -> S3Finding:
        """Return what a location is good for; never raises for what is wrong with it."""
        if location is None:
            return _failed("not_configured")
        if self._stores is None:
            return _failed("no_credentials")
        if location.endpoint is not None and _is_inner_literal(self._stores, location.endpoint):
            return _failed("not_allowed")
        return await _try_out(self._stores.open(location, http=_QUICK))


async def _try_out(store: "S3ObjectStore") -> S3Finding:
    counted = _Count()
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            await store.check()
            await counted.all_of(store)
    except EndpointRefusedError:
        return _failed("not_reachable")
    except StoreUnavailableError as error:
        return _failed(_FAILURES.get(error.code, "not_reachable"))
    except TimeoutError:
        if not counted.objects:
            return _failed("not_reachable")
    finally:
        await store.close()
    number = f"{counted.objects:,}" if counted.complete else f"at least {counted.objects:,}"
    message = f"The bucket can be used. It has {number} objects."
    return S3Finding(message, objects=counted.objects, all_counted=counted.complete)


class _Count:
    """How many objects were seen when the time was over."""

    objects = 0
    complete = False

    async def all_of(self, store: "S3ObjectStore") -> None:
        async for _ in store.list(""):
            if self.objects == MAX_COUNTED:
                return
            self.objects += 1
        self.complete = True


def _is_inner_literal(stores: S3Stores, endpoint: str) -> bool:
    """Return whether the endpoint is an address that is not allowed, however it is written.

    To say so tells nothing that is not in the request. Of a name it would tell where it leads.
    """
    host = urlsplit(endpoint).hostname or ""
    try:
        found = socket.getaddrinfo(host, None, flags=socket.AI_NUMERICHOST)
    except OSError:
        return False
    return not stores.guard.trusts(endpoint) and not all(is_public(str(item[4][0])) for item in found)


def _failed(failure: S3Failure) -> S3Finding:
    return S3Finding(_MESSAGES[failure], failure)
