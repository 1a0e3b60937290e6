"""The S3 stores of one process: one for each location that events and settings name, with the same keys."""

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, Self

from pydantic import SecretStr

from mediamill_contracts.storage import S3Location
from mediamill_storage.s3.credentials import S3Credentials
from mediamill_storage.s3.endpoint_guard import EndpointGuard
from mediamill_storage.s3.http import S3Http

if TYPE_CHECKING:
    from mediamill_storage.s3.store import S3ObjectStore


class S3Environment(Protocol):
    """What the environment says about S3, as read by a service's settings."""

    @property
    def s3_endpoint(self) -> str | None:
        """The operator's own endpoint."""

    @property
    def s3_browser_endpoint(self) -> str | None:
        """Where browsers reach the same server."""

    @property
    def s3_allowed_endpoints(self) -> Collection[str]:
        """Hosts that settings may name although they are not public."""

    @property
    def aws_access_key_id(self) -> str | None:
        """Name of the key."""

    @property
    def aws_secret_access_key(self) -> SecretStr | None:
        """The key itself."""


class S3Stores:
    """Gives stores by location. The location may change while the process runs; the keys may not.

    An endpoint that is neither public nor trusted raises EndpointRefusedError: from `at` when it is
    malformed, from the store's methods when it resolves to an inner address.
    """

    def __init__(
        self,
        credentials: S3Credentials,
        *,
        endpoint: str | None = None,
        browser_endpoint: str | None = None,
        allowed_endpoints: Collection[str] = (),
        http: S3Http | None = None,
        scratch: Path | None = None,
    ) -> None:
        """Trust `endpoint`, the environment's own, and the hosts in `allowed_endpoints`.

        `browser_endpoint` is named in URLs signed for objects at `endpoint`.
        """
        # The SDK takes a good part of a service's start and memory, which those without S3 need not pay.
        from mediamill_storage.s3.store import S3ObjectStore  # noqa: PLC0415

        self._store_type = S3ObjectStore
        self.guard = EndpointGuard([*allowed_endpoints, *([endpoint] if endpoint else [])])
        self._credentials = credentials
        self._endpoint = endpoint
        self._browser_endpoint = browser_endpoint
        self._http = http
        self._scratch = scratch
        self._stores: dict[S3Location, S3ObjectStore] = {}

    @classmethod
    def from_environment(
        cls, environment: S3Environment, *, http: S3Http | None = None, scratch: Path | None = None
    ) -> Self | None:
        """Return the stores of a service's settings, or None when they hold no keys."""
        if environment.aws_access_key_id is None or environment.aws_secret_access_key is None:
            return None
        return cls(
            S3Credentials(
                environment.aws_access_key_id, environment.aws_secret_access_key.get_secret_value()
            ),
            endpoint=environment.s3_endpoint,
            browser_endpoint=environment.s3_browser_endpoint,
            allowed_endpoints=environment.s3_allowed_endpoints,
            http=http,
            scratch=scratch,
        )

    def at(self, location: S3Location) -> "S3ObjectStore":
        """Return the store; the same one for the same location, and nothing is connected yet."""
        store = self._stores.get(location)
        if store is None:
            store = self._stores[location] = self.open(location)
        return store

    def open(self, location: S3Location, *, http: S3Http | None = None) -> "S3ObjectStore":
        """Return a store that the caller closes: to try a location out, less patiently if `http` says so."""
        return self._store_type(
            location,
            self._credentials,
            guard=self.guard,
            http=http or self._http,
            scratch=self._scratch,
            browser_endpoint=self._browser_endpoint if self._is_the_environments(location) else None,
        )

    def _is_the_environments(self, location: S3Location) -> bool:
        return self._endpoint is not None and location.endpoint == self._endpoint

    async def close(self) -> None:
        """Close all stores."""
        for store in self._stores.values():
            await store.close()
