"""Uploads a picture and prints where its variants are: python examples/upload.py photo.jpg."""

import asyncio
import os
import sys

from mediamill_client import MediamillClient


async def main(path: str) -> None:
    """Sign in, upload, follow the job to its end."""
    async with MediamillClient(os.environ["MEDIAMILL_URL"]) as client:
        await client.login(os.environ["MEDIAMILL_EMAIL"], os.environ["MEDIAMILL_PASSWORD"])
        accepted = await client.upload(path, entity_type="listing", alt="The house from the street")
        async for job in client.watch([accepted.job_id]):
            print(job.status, f"{job.progress} %")
        if job.result is None:
            sys.exit(f"refused: {job.error}")
        for variant in job.result.variants:
            print(variant.name, f"{variant.width} x {variant.height}", client.absolute(variant.url))


asyncio.run(main(sys.argv[1]))
