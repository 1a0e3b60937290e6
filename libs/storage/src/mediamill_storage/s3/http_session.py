"""The HTTP sessions under clients of servers other than Amazon's: no redirects, or public addresses only.

Such a server has no reason to redirect. One that does would choose where our requests go next, and botocore
would follow it round in circles to find the bucket's region.
"""

from typing import Any

import aiohttp
from aiobotocore.httpsession import AIOHTTPSession

from mediamill_storage.s3.endpoint_guard import EndpointRefusedError, public_socket

_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class S3HttpSession(AIOHTTPSession):
    """Connects wherever the endpoint is: for endpoints that the operator trusts."""

    async def send(self, request: Any) -> Any:
        """Send an AWSPreparedRequest; raises EndpointRefusedError, never tried again, on a redirect."""
        response = await super().send(request)
        if response.status_code in _REDIRECTS:
            response.raw.close()
            raise EndpointRefusedError("the endpoint redirects elsewhere")
        return response

    async def _get_session(self, proxy_url: str | None) -> "_WithoutRedirects":
        session = await super()._get_session(proxy_url)  # type: ignore[misc] # missing in the stubs only
        return _WithoutRedirects(session)


class PublicS3HttpSession(S3HttpSession):
    """Connects to public addresses only, each checked in the moment of the connection."""

    def __init__(self, *, connector_args: dict[str, Any], **options: Any) -> None:
        super().__init__(connector_args={**connector_args, "socket_factory": public_socket}, **options)


class _WithoutRedirects:
    """Stands before a session, whose own default is to follow redirects."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def request(self, method: str, **options: Any) -> aiohttp.ClientResponse:
        return await self._session.request(method, allow_redirects=False, **options)
