"""Signs URLs, so that who has one may make one request.

The signature is the SDK's. What the SDK does before it, resolving the endpoint by rules and serializing the
request, takes many times as long, and gives the same address each time.
"""

from collections.abc import Mapping
from urllib.parse import quote

from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials

from mediamill_storage.s3.credentials import S3Credentials


class UrlSigner:
    """Signs requests about the objects of one bucket (SigV4 in the query)."""

    def __init__(self, bucket_url: str, region: str, credentials: S3Credentials) -> None:
        self._bucket_url = bucket_url
        self._region = region
        self._credentials = ReadOnlyCredentials(
            credentials.access_key_id, credentials.secret_access_key, None
        )

    def sign(
        self,
        method: str,
        key: str,
        *,
        seconds: int,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> str:
        """Return a URL for this method, valid so long; `headers` have to be sent exactly so."""
        request = AWSRequest(
            method=method,
            url=f"{self._bucket_url}/{quote(key)}",
            headers=dict(headers or {}),
            params=dict(query or {}),
        )
        S3SigV4QueryAuth(self._credentials, "s3", self._region, expires=seconds).add_auth(request)
        return str(request.url)
