"""Signed URLs and uploads by clients, for one bucket.

Size and type are part of what is signed, so that a client that declared a small picture cannot send a large
film instead; the store refuses it, and no byte passes through us.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import quote

from mediamill_contracts.storage import S3Location
from mediamill_storage.direct_access import URL_SECONDS, SignedRequest, UploadedPart, UploadNotFoundError
from mediamill_storage.rooted_paths import check_key
from mediamill_storage.s3.connection import S3Connection
from mediamill_storage.s3.errors import store_errors
from mediamill_storage.s3.http import S3Http

if TYPE_CHECKING:
    from types_aiobotocore_s3.type_defs import GetObjectRequestTypeDef


class S3DirectAccess:
    """DirectAccess to one bucket.

    `signing` is the connection whose endpoint clients use, which may be another than the one that we reach
    the same server at; `connection` is ours.
    """

    def __init__(
        self, location: S3Location, connection: S3Connection, signing: S3Connection, http: S3Http
    ) -> None:
        self._location = location
        self._bucket = location.bucket
        self._connection = connection
        self._signing = signing
        self._seconds = http.request_seconds

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
        params: GetObjectRequestTypeDef = {"Bucket": self._bucket, "Key": key}
        if media_type is not None:
            params["ResponseContentType"] = media_type
        if disposition is not None:
            params["ResponseContentDisposition"] = disposition
        client = await self._signing.client()
        operation = "head_object" if head else "get_object"
        return await client.generate_presigned_url(operation, Params=dict(params), ExpiresIn=seconds)

    async def signed_put(
        self, key: str, *, media_type: str, size_bytes: int, seconds: int = URL_SECONDS
    ) -> SignedRequest:
        """Return a PUT of exactly this size and type: Content-Length and Content-Type are signed."""
        check_key(key)
        client = await self._signing.client()
        url = await client.generate_presigned_url(
            "put_object",
            Params={
                "Bucket": self._bucket,
                "Key": key,
                "ContentType": media_type,
                "ContentLength": size_bytes,
            },
            ExpiresIn=seconds,
        )
        headers = {"Content-Type": media_type, "Content-Length": str(size_bytes)}
        return SignedRequest("PUT", url, headers=headers)

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
        client = await self._signing.client()
        url = await client.generate_presigned_url(
            "upload_part",
            Params={
                "Bucket": self._bucket,
                "Key": key,
                "UploadId": upload_id,
                "PartNumber": number,
                "ContentLength": size_bytes,
            },
            ExpiresIn=seconds,
        )
        return SignedRequest("PUT", url, headers={"Content-Length": str(size_bytes)})

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

    def public_url(self, key: str) -> str | None:
        """Return the URL at the CDN, or None where only signed URLs give access."""
        check_key(key)
        base = self._location.public_url
        return None if base is None else f"{base.rstrip('/')}/{quote(key)}"
