"""A server whose clients send to a real S3 server, and what its tests do with both."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import httpx
from sqlalchemy import select, update

from mediamill_catalog.core import MEDIA
from mediamill_catalog.tables import utc_now
from mediamill_contracts.media import MediaUploaded
from mediamill_ingest.part_plan import MULTIPART_FROM_BYTES
from mediamill_outbox.tables import outbox
from mediamill_storage.inspection import DEFAULT_ACCEPTED, AcceptancePolicy
from mediamill_storage.s3.store import S3ObjectStore

if TYPE_CHECKING:
    from .conftest import Api

ROOMY = AcceptancePolicy(DEFAULT_ACCEPTED, {"image": 40_000_000, "video": 40_000_000})
"""Lets pictures be so large that they are sent in parts."""


@dataclass
class CloudApi:
    """The server, and its bucket."""

    api: "Api"
    store: S3ObjectStore
    outside: httpx.AsyncClient = field(default_factory=lambda: httpx.AsyncClient(timeout=60, verify=False))
    """A client that knows nothing but the URLs that it is given."""

    async def initiate(
        self,
        content: bytes,
        *,
        declared: str = "image/jpeg",
        name: str = "photo.jpg",
        user_id: str = "user-1",
        headers: dict[str, str] | None = None,
        **more: Any,
    ) -> httpx.Response:
        """Ask for a place for a file like this."""
        wanted = {"fileName": name, "mimeType": declared, "fileSize": len(content)} | more
        return await self.api.client.post(
            "/api/media/upload/initiate",
            json=wanted,
            headers=self.api.as_user(user_id) | (headers or {}),
        )

    async def send(self, initiated: dict[str, Any], content: bytes) -> httpx.Response:
        """PUT the file as the answer says; of a file in parts, all of them."""
        if initiated["multipart"] is None:
            url = initiated["presignedUrl"]
            return await self.outside.put(url, content=content, headers=initiated["headers"])
        answer = None
        for part in initiated["multipart"]["parts"]:
            answer = await self.send_part(initiated, part["partNumber"], content)
        assert answer is not None
        return answer

    async def send_part(self, initiated: dict[str, Any], number: int, content: bytes) -> httpx.Response:
        """PUT one part of the file."""
        part = initiated["multipart"]["parts"][number - 1]
        begin = (number - 1) * initiated["multipart"]["partSize"]
        return await self.outside.put(part["url"], content=content[begin : begin + part["size"]])

    async def confirm(
        self, upload_id: str, *, user_id: str = "user-1", parts: list[dict[str, Any]] | None = None
    ) -> httpx.Response:
        """Say that the file is there."""
        body: dict[str, Any] = {"uploadId": upload_id}
        if parts is not None:
            body["parts"] = parts
        return await self.api.client.post(
            "/api/media/upload/confirm", content=json.dumps(body), headers=self.api.as_user(user_id)
        )

    async def upload(self, content: bytes, **options: Any) -> httpx.Response:
        """Go the whole way and return the confirmation's answer, or the first refusal."""
        initiated = await self.initiate(content, **options)
        if initiated.status_code != 201:
            return initiated
        sent = await self.send(initiated.json(), content)
        assert sent.status_code == 200, sent.text
        return await self.confirm(initiated.json()["uploadId"])

    async def objects(self, prefix: str = "") -> list[str]:
        """Return the keys in the bucket."""
        return sorted([found.key async for found in self.store.list(prefix)])

    async def content(self, key: str) -> bytes:
        """Return an object's bytes."""
        return b"".join([chunk async for chunk in self.store.read(key)])

    async def put(self, key: str, content: bytes, media_type: str = "image/jpeg") -> None:
        """Store an object as somebody with credentials does."""

        async def chunks() -> AsyncIterator[bytes]:
            yield content

        await self.store.put_stream(key, chunks(), media_type=media_type)

    async def announced(self) -> list[MediaUploaded]:
        """Return what admission will be told."""
        statement = select(outbox.c.payload).where(outbox.c.type == MediaUploaded.wire_name)
        async with self.api.parts.database.read() as session:
            found = await session.execute(statement)
            return [MediaUploaded.model_validate_json(payload) for payload in found.scalars()]

    async def grow_old(self, upload_id: str) -> None:
        """Let an upload have begun two days ago."""
        began = utc_now() - timedelta(days=2)
        async with self.api.parts.database.write() as session:
            await session.execute(update(MEDIA).where(MEDIA.c.id == UUID(upload_id)).values(created_at=began))


def large(photo: bytes, size: int = MULTIPART_FROM_BYTES + 3_000_001) -> bytes:
    """Return a sound JPEG that is so large that it is sent in parts."""
    return photo + bytes(size - len(photo) - 2) + b"\xff\xd9"
