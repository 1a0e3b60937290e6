"""One client for one location, opened at the first request and shared by all that follow."""

import asyncio
import functools
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import aioboto3
from aiobotocore.config import AioConfig
from aiobotocore.httpsession import AIOHTTPSession

from mediamill_contracts.storage import S3Location
from mediamill_storage.s3.addressing import addressing_style
from mediamill_storage.s3.credentials import S3Credentials
from mediamill_storage.s3.endpoint_guard import EndpointGuard
from mediamill_storage.s3.http import S3Http
from mediamill_storage.s3.http_session import PublicS3HttpSession, S3HttpSession

if TYPE_CHECKING:
    from types_aiobotocore_s3.client import S3Client


class S3Connection:
    """Gives the client of a location. Use it on one event loop; `close` it at the end."""

    def __init__(
        self,
        location: S3Location,
        credentials: S3Credentials,
        http: S3Http,
        *,
        guard: EndpointGuard | None = None,
    ) -> None:
        """Connect to the location's endpoint; without a `guard` it is trusted, as Amazon's own always is."""
        self._location = location
        self._credentials = credentials
        self._http = http
        self._endpoint = location.endpoint
        self._guard = guard
        self.trusted = guard is None or self._endpoint is None or guard.trusts(self._endpoint)
        self._opening = asyncio.Lock()
        self._open = AsyncExitStack()
        self._client: S3Client | None = None

    async def client(self) -> "S3Client":
        """Return the client; nothing is sent by that. Raises EndpointRefusedError."""
        if self._client is None:
            async with self._opening:
                if self._client is None:
                    if self._guard is not None and self._endpoint is not None:
                        await self._guard.check(self._endpoint)
                    self._client = await self._open.enter_async_context(
                        _session().client(
                            "s3",
                            region_name=self._location.region,
                            endpoint_url=self._endpoint,
                            aws_access_key_id=self._credentials.access_key_id,
                            aws_secret_access_key=self._credentials.secret_access_key,
                            verify=self._verify(),
                            config=self._configuration(),
                        )
                    )
        return self._client

    async def close(self) -> None:
        """Close the connections; a later request would open new ones."""
        async with self._opening:
            self._client = None
            await self._open.aclose()

    def _configuration(self) -> AioConfig:
        """Checksums are given with each request; the payload need not be hashed once more to sign it.

        Untrusted endpoints are connected to directly: behind a proxy, the proxy would resolve their names.
        """
        return AioConfig(
            http_session_cls=self._http_session(),
            proxies=None if self.trusted else {},
            max_pool_connections=self._http.connections,
            connect_timeout=self._http.connect_seconds,
            read_timeout=self._http.read_seconds,
            retries={"mode": "standard", "total_max_attempts": self._http.attempts},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            signature_version="s3v4",
            s3={
                "addressing_style": addressing_style(self._location),
                "payload_signing_enabled": False,
            },
        )

    def _verify(self) -> bool | None:
        """Leave out whom TLS is to believe where there is none: reading that takes longer than a request."""
        is_plain = self._endpoint is not None and urlsplit(self._endpoint).scheme == "http"
        return False if is_plain else None

    def _http_session(self) -> type[AIOHTTPSession]:
        if self._endpoint is None:
            return AIOHTTPSession
        return S3HttpSession if self.trusted else PublicS3HttpSession


@functools.cache
def _session() -> aioboto3.Session:
    """Share one: it keeps what it read of S3's description, which takes half a second."""
    return aioboto3.Session()
