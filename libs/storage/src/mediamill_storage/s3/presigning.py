"""Signed URLs and uploads by clients, for one bucket.

Size and type are part of what is signed, so that a client that declared a small picture cannot send a large
film instead; the store refuses it, and no byte passes through us.
"""

from collections.abc import Sequence

from mediamill_contracts.storage import S3Location
from mediamill_storage.direct_access import URL_SECONDS, SignedRequest, UploadedPart, UploadNotFoundError
from mediamill_storage.rooted_paths import check_key
from mediamill_storage.s3.addressing import bucket_url
from mediamill_storage.s3.connection import S3Connection
from mediamill_storage.s3.credentials import S3Credentials
from mediamill_storage.s3.errors import store_errors
from mediamill_storage.s3.http import S3Http
from mediamill_storage.s3.signing import UrlSigner


class S3DirectAccess:
    """DirectAccess to one bucket.

    `connection` is ours; `browser_endpoint` is where clients reach the same server, if that is elsewhere.
    """

    def __init__(
        self,
        location: S3Location,
        credentials: S3Credentials,
        connection: S3Connection,
        http: S3Http,
        *,
        browser_endpoint: str | None = None,
    ) -> None:
        self._location = location
        self._bucket = location.bucket
        self._credentials = credentials
        self._connection = connection
        self._seconds = http.request_seconds
        self._browser_endpoint = browser_endpoint
        self._known_signer: UrlSigner | None = None

    async def signed_get(
        self,
        key: str,
        *,
        media_type: str | None = None,
        disposition: str | None = None,
        head: bool = False,
        seconds: int = URL_SECONDS,
    ) -> str:
        """Return a URL that gives the object, with this Content-Type and Content-Disposition if given.

        The method is part of what is signed: with `head` the URL is good for HEAD, and for nothing else.
        """
        check_key(key)
        query = {"response-content-type": media_type, "response-content-disposition": disposition}
        signer = await self._signer()
        return signer.sign(
            "HEAD" if head else "GET",
            key,
            seconds=seconds,
            query={name: value for name, value in query.items() if value is not None},
        )

    async def signed_put(
        self, key: str, *, media_type: str, size_bytes: int, seconds: int = URL_SECONDS
    ) -> SignedRequest:
        """Return a PUT of exactly this size and type: Content-Length and Content-Type are signed."""
        check_key(key)
        headers = {"Content-Type": media_type, "Content-Length": str(size_bytes)}
        signer = await self._signer()
        return SignedRequest("PUT", signer.sign("PUT", key, seconds=seconds, headers=headers), headers)

    async def begin_multipart(self, key: str, *, media_type: str) -> str:
        """Begin an upload in parts; return its id."""
        check_key(key)
        client = await self._connection.client()
        async with store_errors(key, self._seconds):
            begun = await client.create_multipart_upload(Bucket=self._bucket, Key=key, ContentType=media_type)
        return begun["UploadId"]

    async def signed_part(
        self, key: str, upload_id: str, number: int, *, size_bytes: int, seconds: int = URL_SECONDS
    ) -> SignedRequest:
        """Return a PUT for one part of exactly so many bytes; its answer's ETag names the part."""
        check_key(key)
        headers = {"Content-Length": str(size_bytes)}
        query = {"partNumber": str(number), "uploadId": upload_id}
        signer = await self._signer()
        url = signer.sign("PUT", key, seconds=seconds, query=query, headers=headers)
        return SignedRequest("PUT", url, headers)

    async def list_parts(self, key: str, upload_id: str) -> list[UploadedPart]:
        """Return the parts that the store has, by number: what a resumed upload need not send again."""
        check_key(key)
        client = await self._connection.client()
        pages = client.get_paginator("list_parts").paginate(Bucket=self._bucket, Key=key, UploadId=upload_id)
        async with store_errors(key, self._seconds):
            return [
                UploadedPart(part["PartNumber"], part["ETag"], part["Size"])
                async for page in pages
                for part in page.get("Parts", ())
            ]

    async def complete_multipart(self, key: str, upload_id: str, parts: Sequence[UploadedPart]) -> None:
        """Make the parts one object."""
        check_key(key)
        client = await self._connection.client()
        async with store_errors(key, self._seconds):
            await client.complete_multipart_upload(
                Bucket=self._bucket,
                Key=key,
                UploadId=upload_id,
                MultipartUpload={"Parts": [{"PartNumber": part.number, "ETag": part.etag} for part in parts]},
            )

    async def abort_multipart(self, key: str, upload_id: str) -> None:
        """Remove the parts; an upload that is gone already is fine."""
        check_key(key)
        client = await self._connection.client()
        try:
            async with store_errors(key, self._seconds):
                await client.abort_multipart_upload(Bucket=self._bucket, Key=key, UploadId=upload_id)
        except UploadNotFoundError:
            return

    async def _signer(self) -> UrlSigner:
        if self._known_signer is None:
            server = self._browser_endpoint or (await self._connection.client()).meta.endpoint_url
            url = bucket_url(self._location, server)
            self._known_signer = UrlSigner(url, self._location.region, self._credentials)
        return self._known_signer
