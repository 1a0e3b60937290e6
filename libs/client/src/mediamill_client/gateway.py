"""For gateways that received the bytes themselves: stage a file, announce it, and be sure that it was heard.

A gateway shares the storage root with ingest (same file system, a user or group in common) and holds the
broker's credentials, never the database's. What it announces is checked again by ingest's admission, byte for
byte.
"""

import asyncio
import os
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import UUID

from mediamill_client.errors import MediamillError
from mediamill_contracts.ids import new_id
from mediamill_contracts.media import MediaUploaded, StagedObject
from mediamill_contracts.recipe import Lane
from mediamill_messaging.errors import BrokerUnavailableError
from mediamill_messaging.rabbitmq import RabbitTransport
from mediamill_storage.keys import EXTENSIONS, staged_key
from mediamill_storage.local import LocalObjectStore

READ_BYTES = 1024 * 1024
CONFIRM_SECONDS = 30.0
UNKNOWN_EXTENSION = "bin"
FIRST_PAUSE = 0.1
LONGEST_PAUSE = 2.0


class NotConfirmedError(MediamillError):
    """The broker did not confirm the announcement in time: it may or may not have arrived.

    The bytes stay staged. Pass `message` to `announce` again: should the first one have arrived after all,
    the second is recognised by its id and does nothing.
    """

    def __init__(self, message: MediaUploaded) -> None:
        super().__init__(f"no confirm for the announcement of medium {message.media_id}")
        self.message = message


@dataclass(frozen=True)
class GatewayUpload:
    """What a gateway knows of a file. The ids are made here, so that a repetition is the same upload."""

    user_id: str
    file_name: str
    media_type: str | None = None
    """What the sender vouches for: bytes of another type are refused. None leaves it to the bytes."""
    entity_type: str = "general"
    entity_id: str | None = None
    alt: str | None = None
    title: str | None = None
    lane: Lane = "interactive"
    media_id: UUID = field(default_factory=new_id)
    job_id: UUID = field(default_factory=new_id)


class GatewayPublisher:
    """Stages files and announces them over RabbitMQ; an async context manager, safe to use concurrently."""

    def __init__(
        self,
        broker_url: str,
        storage_root: str | os.PathLike[str],
        *,
        service: str = "gateway",
        confirm_seconds: float = CONFIRM_SECONDS,
    ) -> None:
        """Prepare for the broker (`amqp://…`) and the folder that ingest calls `STORAGE_ROOT`."""
        self._transport = RabbitTransport(broker_url, service=service)
        self._store = LocalObjectStore(Path(storage_root))
        self._confirm_seconds = confirm_seconds

    async def __aenter__(self) -> Self:
        await self._transport.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._transport.stop(grace_seconds=0)
        await self._store.close()

    async def submit(
        self, upload: GatewayUpload, source: str | os.PathLike[str] | AsyncIterable[bytes]
    ) -> MediaUploaded:
        """Stage `source`, a file's path or its bytes in chunks, and announce it; return what was announced.

        Bad bytes are no error here: admission gives the verdict, and the user is told. Raises
        NotConfirmedError, or StorageFullError and OSError with nothing staged.
        """
        message = await self.stage(upload, source)
        await self.announce(message)
        return message

    async def stage(
        self, upload: GatewayUpload, source: str | os.PathLike[str] | AsyncIterable[bytes]
    ) -> MediaUploaded:
        """Store the bytes durably under `temp/` and return the announcement, which is not sent yet."""
        key = staged_key(upload.user_id, upload.media_id, _extension(upload))
        size_bytes, sha256 = await self._store_under(key, source)
        return MediaUploaded(
            media_id=upload.media_id,
            job_id=upload.job_id,
            user_id=upload.user_id,
            staged=StagedObject(key=key, size_bytes=size_bytes, sha256=sha256),
            file_name=upload.file_name,
            declared_type=upload.media_type,
            entity_type=upload.entity_type,
            entity_id=upload.entity_id,
            alt=upload.alt,
            title=upload.title,
            lane=upload.lane,
            uploaded_at=datetime.now(UTC),
        )

    async def announce(self, message: MediaUploaded) -> None:
        """Publish `media.uploaded` and return once the broker has it durably.

        Tries again while the broker is away, then raises NotConfirmedError.
        """
        pause = FIRST_PAUSE
        try:
            async with asyncio.timeout(self._confirm_seconds):
                while True:
                    try:
                        return await self._transport.publisher.publish(message)
                    except BrokerUnavailableError:
                        await asyncio.sleep(pause)
                        pause = min(LONGEST_PAUSE, pause * 2)
        except TimeoutError as error:
            raise NotConfirmedError(message) from error

    async def _store_under(
        self, key: str, source: str | os.PathLike[str] | AsyncIterable[bytes]
    ) -> tuple[int, str]:
        chunks = _read(Path(source)) if isinstance(source, str | os.PathLike) else source
        file = self._store.new_file(hashed=True)
        try:
            async for chunk in chunks:
                file.write(chunk)
            await self._store.commit_file(file, key)
        finally:
            file.abort()
        return file.size_bytes, file.sha256


def _extension(upload: GatewayUpload) -> str:
    """Return an extension for the staged key; it is for people who look into the folder, nobody trusts it."""
    by_name = Path(upload.file_name).suffix.lower().removeprefix(".")
    known = by_name if by_name in EXTENSIONS.values() else UNKNOWN_EXTENSION
    return EXTENSIONS.get(upload.media_type or "", known)


async def _read(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while chunk := await asyncio.to_thread(file.read, READ_BYTES):
            yield chunk
