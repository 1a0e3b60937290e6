"""Mediamill itself, entered twice: by a gateway that staged the bytes, and by HTTP upload.

The clock stops when a browser would show the picture: at `media:ready` on the user's socket.
"""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.installation import Installation
from benchmarks.load import Connection
from benchmarks.run import Run, run_of
from mediamill_client.gateway import GatewayUpload

ACCEPTED = 202
RUN_SECONDS = 300.0
UPLOADERS = 4
"""Browsers that upload at the same time."""


class MediamillStaged:
    """Contestant: photos lie in staging, `media.uploaded` announces them."""

    name = "Mediamill, staged to ready"

    def __init__(self, installation: Installation) -> None:
        self._installation = installation

    async def start(self) -> None:
        """Do nothing: the installation runs."""

    async def run(self, photos: Sequence[Path]) -> Run:
        """Announce all photos at once and wait until the user was told of the last one."""
        gateway = self._installation.gateway
        user = self._installation.user_id
        staged = [
            await gateway.stage(GatewayUpload(user, photo.name, "image/jpeg"), photo) for photo in photos
        ]
        handed_in = time.time()
        announcing = asyncio.gather(*(gateway.announce(message) for message in staged))
        ready = await self._installation.listener.ready_times(
            [str(message.media_id) for message in staged], within=RUN_SECONDS
        )
        await announcing
        return run_of([handed_in] * len(staged), ready)

    async def stop(self) -> None:
        """Do nothing: whoever started the installation stops it."""


class MediamillUpload:
    """Contestant: photos are uploaded over HTTP by a few clients, one after the other."""

    name = "Mediamill, upload to ready"

    def __init__(self, installation: Installation, *, uploaders: int = UPLOADERS) -> None:
        self._installation = installation
        self._uploaders = uploaders

    async def start(self) -> None:
        """Do nothing: the installation runs."""

    async def run(self, photos: Sequence[Path]) -> Run:
        """Upload all photos and wait until the user was told of the last one."""
        waiting = iter(photos)
        uploads: list[tuple[float, str]] = []

        async def uploader() -> None:
            async with Connection(self._installation.system.ingest.url) as connection:
                for photo in waiting:
                    request = self._installation.upload(photo)
                    began = time.time()
                    answer = await connection.send(request)
                    if answer.status != ACCEPTED:
                        raise RuntimeError(f"{photo.name} was answered {answer.status}: {answer.body}")
                    uploads.append((began, answer.body["mediaId"]))

        await asyncio.gather(*(uploader() for _ in range(self._uploaders)))
        media_ids = [media_id for _, media_id in uploads]
        ready = await self._installation.listener.ready_times(media_ids, within=RUN_SECONDS)
        return run_of([began for began, _ in uploads], ready)

    async def stop(self) -> None:
        """Do nothing: whoever started the installation stops it."""
