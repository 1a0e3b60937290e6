"""How fast a thousand files reach S3 and come back, beside a bare loop that does nothing but put and get.

The loop is what one would write first: aioboto3, 32 requests at a time, no checks, no record. Ours is the
whole way: request, transfer with checksums, report, and the record that claims the copies. Both take turns
on one S3 server.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

import aioboto3
from aiobotocore.config import AioConfig

from benchmarks.claims import Claim, median_ratio
from mediamill_catalog.tables import SyncStatus
from mediamill_contracts.storage import S3Location
from mediamill_storage.s3 import S3Credentials
from mediamill_testing.transfers import OPEN, Operator

if TYPE_CHECKING:
    from types_aiobotocore_s3.client import S3Client

FILES = 1_000
BYTES = 200_000
LOOP_PARALLEL = 32
UP_AND_DOWN_SECONDS = 20.0
LOOK_SECONDS = 0.1
"""Between looks at a job: they cost the machine that is measured."""


@dataclass
class Sync:
    """Files a second of each round, and the seconds of each round of ours, up and down."""

    up: list[float] = field(default_factory=list)
    up_bare: list[float] = field(default_factory=list)
    down: list[float] = field(default_factory=list)
    down_bare: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def claims(self) -> list[Claim]:
        """Return each figure against its target."""
        loop = f"bare aioboto3 loop of {LOOP_PARALLEL}"
        ours = f"{FILES} files of {BYTES // 1000} kB"
        return [
            Claim(f"{ours} to S3 ÷ {loop}", median_ratio(self.up, self.up_bare), "at least", 1.0),
            Claim(f"{ours} from S3 ÷ {loop}", median_ratio(self.down, self.down_bare), "at least", 1.0),
            Claim(f"{ours} to S3 and back", max(self.seconds), "at most", UP_AND_DOWN_SECONDS, "s"),
        ]


async def measure_sync(operator: Operator, *, rounds: int, files: int = FILES) -> Sync:
    """Measure both ways in turns."""
    result = Sync()
    for number in range(rounds):
        await _round(operator, result, files, f"bare-{number}")
    return result


async def _round(operator: Operator, result: Sync, files: int, prefix: str) -> None:
    bodies = [os.urandom(BYTES) for _ in range(files)]
    async with _client(operator.bucket, operator.credentials) as client:
        bare_up = await _bare(_put(client, operator.bucket.bucket, prefix, bodies))
        ids = await operator.add_media(files, size=BYTES, variants=0)
        up = await _ours(operator, "upload_to_s3", ids)
        await _ours(operator, "delete_local", ids)
        bare_down = await _bare(_get(client, operator.bucket.bucket, prefix, files))
        down = await _ours(operator, "download_from_s3", ids)
    result.up_bare.append(files / bare_up)
    result.up.append(files / up)
    result.down_bare.append(files / bare_down)
    result.down.append(files / down)
    result.seconds.append(up + down)
    print(
        f"  up {files / up:.0f}/s (bare loop {files / bare_up:.0f}),"
        f" down {files / down:.0f}/s (bare loop {files / bare_down:.0f})",
        flush=True,
    )


async def _ours(operator: Operator, operation: Any, ids: list[Any]) -> float:
    started = time.perf_counter()
    status = await _end_of(operator, await operator.ask(operation, ids))
    if status is not SyncStatus.COMPLETED:
        raise RuntimeError(f"{operation} ended as {status}")
    return time.perf_counter() - started


async def _end_of(operator: Operator, job_id: UUID) -> SyncStatus:
    """Wait for the end of a job, and look less often than tests do."""
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        status = await operator.status(job_id)
        if status not in OPEN:
            return status


@asynccontextmanager
async def _client(bucket: S3Location, credentials: S3Credentials) -> "AsyncIterator[S3Client]":
    async with aioboto3.Session().client(
        "s3",
        region_name=bucket.region,
        endpoint_url=bucket.endpoint,
        aws_access_key_id=credentials.access_key_id,
        aws_secret_access_key=credentials.secret_access_key,
        config=AioConfig(max_pool_connections=LOOP_PARALLEL, s3={"addressing_style": "path"}),
    ) as client:
        yield client


async def _bare(requests: Iterable[Any]) -> float:
    """Run all requests, so many at a time; return the seconds it took."""
    gate = asyncio.Semaphore(LOOP_PARALLEL)

    async def one(request: Any) -> None:
        async with gate:
            await request

    started = time.perf_counter()
    await asyncio.gather(*map(one, requests))
    return time.perf_counter() - started


def _put(client: "S3Client", bucket: str, prefix: str, bodies: list[bytes]) -> list[Any]:
    return [
        client.put_object(Bucket=bucket, Key=f"{prefix}/{number}", Body=body)
        for number, body in enumerate(bodies)
    ]


def _get(client: "S3Client", bucket: str, prefix: str, files: int) -> list[Any]:
    async def get(number: int) -> None:
        answer = await client.get_object(Bucket=bucket, Key=f"{prefix}/{number}")
        await answer["Body"].read()

    return [get(number) for number in range(files)]
