"""Sends a file to S3 by URLs that the server signed: the bytes do not pass through the server.

Large files go in parts. A URL is signed anew for each further try, since it may have expired meanwhile.
"""

import asyncio
import mimetypes
from collections.abc import AsyncIterator, Awaitable, Callable
from uuid import UUID

from mediamill_client.http import HttpSession, SignedPut
from mediamill_client.models import Accepted, Answer
from mediamill_client.upload_body import UNDECLARED, UploadFile
from mediamill_client.upload_options import Wish

_CHUNK_BYTES = 256 * 1024
_PARTS_AT_ONCE = 3
_BASE = "/api/media/upload"


class PartUrl(Answer):
    """Where to PUT one part, of exactly `size` bytes."""

    part_number: int
    url: str
    size: int


class Multipart(Answer):
    """How a large file is cut; part `n` begins at byte `(n - 1) * part_size`."""

    part_size: int
    part_count: int
    parts: tuple[PartUrl, ...]


class Initiated(Answer):
    """The place that the server promised."""

    upload_id: UUID
    presigned_url: str | None
    headers: dict[str, str]
    multipart: Multipart | None


class PartsSigned(Answer):
    """Parts that were signed on request."""

    parts: tuple[PartUrl, ...]


class Confirmed(Answer):
    """What became of the file."""

    id: UUID
    job_id: UUID


class DirectUpload:
    """One file on its way to S3; the wish's key makes a repetition the same upload."""

    def __init__(self, http: HttpSession, wish: Wish) -> None:
        self._http = http
        self._file = wish.file
        self._key = wish.key
        self._progress = wish.progress
        self._size = wish.file.path.stat().st_size
        self._sent: dict[int, int] = {}
        self._wanted = {name: value for name, value in wish.form.items() if value is not None} | {
            "fileName": wish.file.name,
            "mimeType": _declared_type(wish.file),
            "fileSize": self._size,
        }

    async def send(self) -> Accepted:
        """Send the file and return its job and medium; raises as the client's other calls do."""
        begun = await self._begin()
        if begun.multipart is None:
            await self._send_whole(begun)
        else:
            await self._send_parts(begun.upload_id, begun.multipart)
        confirmed = await self._http.call(
            Confirmed, "POST", f"{_BASE}/confirm", json={"uploadId": str(begun.upload_id)}
        )
        return Accepted(job_id=confirmed.job_id, media_id=confirmed.id)

    async def _begin(self) -> Initiated:
        headers = {"Idempotency-Key": self._key}
        return await self._http.call(
            Initiated, "POST", f"{_BASE}/initiate", json=self._wanted, headers=headers
        )

    async def _send_whole(self, begun: Initiated) -> None:
        async def sign_again() -> SignedPut:
            return _whole(await self._begin(), self._size)

        await self._put(1, _once(_whole(begun, self._size), sign_again), 0, self._size)

    async def _send_parts(self, upload_id: UUID, plan: Multipart) -> None:
        urls = {part.part_number: part for part in plan.parts}
        turns = asyncio.Semaphore(_PARTS_AT_ONCE)

        async def send(number: int) -> None:
            async def sign_again() -> SignedPut:
                path = f"{_BASE}/{upload_id}/parts"
                signed = await self._http.call(PartsSigned, "POST", path, json={"partNumbers": [number]})
                return _part(signed.parts[0])

            start = (number - 1) * plan.part_size
            async with turns:
                first = _part(urls[number]) if number in urls else await sign_again()
                size = min(plan.part_size, self._size - start)
                await self._put(number, _once(first, sign_again), start, size)

        async with asyncio.TaskGroup() as sending:
            for number in range(1, plan.part_count + 1):
                sending.create_task(send(number))

    async def _put(
        self, number: int, sign: Callable[[], Awaitable[SignedPut]], start: int, size: int
    ) -> None:
        await self._http.put(sign, lambda: self._bytes(number, start, size))

    async def _bytes(self, number: int, start: int, size: int) -> AsyncIterator[bytes]:
        """Yield the bytes of one request from their beginning, and report how far the file is."""
        self._sent[number] = 0
        with self._file.path.open("rb") as file:
            file.seek(start)
            while chunk := file.read(min(_CHUNK_BYTES, size - self._sent[number])):
                yield chunk
                self._sent[number] += len(chunk)
                if self._progress is not None:
                    self._progress(sum(self._sent.values()), self._size)


def _declared_type(file: UploadFile) -> str:
    """Return the type to be signed: S3 takes no other, so it cannot be left to the bytes."""
    if file.media_type != UNDECLARED:
        return file.media_type
    return mimetypes.guess_type(file.name)[0] or UNDECLARED


def _whole(begun: Initiated, size: int) -> SignedPut:
    return SignedPut(begun.presigned_url or "", begun.headers | {"Content-Length": str(size)})


def _part(part: PartUrl) -> SignedPut:
    return SignedPut(part.url, {"Content-Length": str(part.size)})


def _once(first: SignedPut, again: Callable[[], Awaitable[SignedPut]]) -> Callable[[], Awaitable[SignedPut]]:
    """Return what gives `first` at the first call, and what `again` gives at later ones."""
    fresh = [first]

    async def sign() -> SignedPut:
        return fresh.pop() if fresh else await again()

    return sign
