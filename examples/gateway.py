"""Hands on a file that a gateway received itself: python examples/gateway.py USER_ID photo.jpg."""

import asyncio
import os
import sys
from pathlib import Path

from mediamill_client.gateway import GatewayPublisher, GatewayUpload


async def main(user_id: str, path: Path) -> None:
    """Stage the file in the shared storage and announce it, confirmed by the broker."""
    broker, storage = os.environ["BROKER_URL"], os.environ["STORAGE_ROOT"]
    async with GatewayPublisher(broker, storage, service="mail-gateway") as gateway:
        upload = GatewayUpload(user_id=user_id, file_name=path.name, entity_type="listing")
        await gateway.submit(upload, path)
        print(f"announced medium {upload.media_id}, job {upload.job_id}")


asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
