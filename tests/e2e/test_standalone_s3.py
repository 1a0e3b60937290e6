"""One process with S3 named in the environment: uploads, transfers from the command line, and addresses."""

import asyncio
import json
import os
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from mediamill_client import Media, MediamillClient
from mediamill_client.models import Accepted
from mediamill_testing.javascript_client import node_program
from mediamill_testing.photos import PhotoCorpus
from mediamill_testing.servers.s3 import S3Server
from mediamill_testing.system import ADMIN_EMAIL, ADMIN_PASSWORD, StandaloneProcess

SCRIPT = Path(__file__).with_name("page_upload.mjs")


@dataclass(frozen=True)
class Ended:
    """What a command left."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """The last JSON object that it printed."""
        found: dict[str, Any] = json.loads(self.out.splitlines()[-1])
        return found


@pytest.fixture(scope="module")
def standalone(s3_server: S3Server) -> Iterator[StandaloneProcess]:
    """Start a process that knows a bucket."""
    with s3_server.bucket() as location:
        environment = {
            "S3_ENDPOINT": s3_server.url,
            "S3_BUCKET_NAME": location.bucket,
            "AWS_ACCESS_KEY_ID": s3_server.credentials.access_key_id,
            "AWS_SECRET_ACCESS_KEY": s3_server.credentials.secret_access_key,
        }
        with closing(StandaloneProcess(environment=environment)) as process:
            yield process.start()


async def test_media_move_to_s3_by_command(standalone: StandaloneProcess, photo_corpus: PhotoCorpus) -> None:
    """A superadmin moves an upload to S3, and sees why the last copy stays; addresses go on working."""
    photo = photo_corpus.photo("jpeg_baseline.jpg").path
    async with MediamillClient(standalone.url) as client:
        await client.login(ADMIN_EMAIL, ADMIN_PASSWORD)
        here = await _ready(client, await client.upload(photo))
        files = 1 + len(here.variants)

        moved = await _sync(
            standalone, "start", "upload_to_s3", "--all", "--delete-source", "--wait", "--json"
        )
        assert (moved.code, moved.document["status"]) == (0, "completed"), moved.err
        assert (moved.document["processedFiles"], moved.document["failedFiles"]) == (files, 0)
        assert (await client.media(here.id)).storage_status == "s3"
        await _can_be_fetched(client, here)

        transfer = moved.document["id"]
        shown, listed, ended, nothing, kept = await asyncio.gather(
            _sync(standalone, "watch", transfer),
            _sync(standalone, "status", "--json"),
            _sync(standalone, "cancel", transfer),
            _sync(standalone, "retry", transfer),
            _sync(standalone, "start", "delete_s3", str(here.id), "--wait"),
        )
        assert (shown.code, f"{files} of {files} files" in shown.out) == (0, True)
        assert (listed.code, transfer in listed.out) == (0, True)
        assert (ended.code, "sync_ended" in ended.err) == (1, True)
        assert (nothing.code, "nothing_to_retry" in nothing.err) == (1, True)
        assert (kept.code, "last_copy" in kept.out) == (1, True)
        await _can_be_fetched(client, here)
        there = await _ready(client, await client.upload_to_s3(photo))
        await _can_be_fetched(client, there)


async def test_the_page_takes_a_large_upload_up_again(standalone: StandaloneProcess) -> None:
    """A connection lost amid the parts costs one part: the next try, or the next visit, sends the others."""
    async with MediamillClient(standalone.url) as client:
        session = await client.login(ADMIN_EMAIL, ADMIN_PASSWORD)
        process = await asyncio.create_subprocess_exec(
            node_program(),
            SCRIPT,
            standalone.url,
            session.access_token,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={"PATH": os.environ["PATH"]},
        )
        out, err = await process.communicate()
        assert process.returncode == 0, err.decode()
        told = json.loads(out)
        assert (told["lost"], told["arrived"], told["again"]) == ("network", 1, 2)
        assert told["progress"] == sorted(told["progress"])
        assert told["progress"][-1] == 1
        assert told["remembered"] == 0
        assert (await client.media(UUID(told["mediaId"]))).size_bytes == told["size"]


async def test_a_wish_that_says_nothing_is_not_sent() -> None:
    """Neither media nor a filter, or both, is wrong usage."""
    for wish in (["delete_local"], ["delete_local", "--all", "0192f0c1-2b3d-7e4f-8a5b-000000000001"]):
        refused = await _sync(None, "start", *wish)
        assert (refused.code, "Name MEDIA, or filters, or --all" in refused.err) == (2, True)


async def _ready(client: MediamillClient, accepted: Accepted) -> Media:
    job = await client.wait_for(accepted.job_id, seconds=60)
    assert job.result is not None, job.error
    return job.result


async def _can_be_fetched(client: MediamillClient, media: Media) -> None:
    variant = media.variants[0]
    async with httpx.AsyncClient(follow_redirects=True) as http:
        for method in ("GET", "HEAD"):
            answer = await http.request(method, client.absolute(variant.url))
            assert (answer.status_code, answer.headers["content-type"]) == (200, variant.media_type)
            assert int(answer.headers["content-length"]) == variant.size_bytes
            await _may_be_shown(http, client, answer.url)


async def _may_be_shown(http: httpx.AsyncClient, client: MediamillClient, address: httpx.URL) -> None:
    """Require that the page's policy lets pictures be loaded from there: it holds after a redirect, too."""
    policy = (await http.get(client.absolute("/"))).headers["content-security-policy"]
    allowed = next(rule for rule in policy.split("; ") if rule.startswith("img-src")).split()
    origin = f"{address.scheme}://{address.netloc.decode()}"
    assert origin in allowed or client.absolute("/").startswith(origin)


async def _sync(standalone: StandaloneProcess | None, *arguments: str) -> Ended:
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}
    if standalone is not None:
        environment |= {
            "MEDIAMILL_URL": standalone.url,
            "MEDIAMILL_EMAIL": ADMIN_EMAIL,
            "MEDIAMILL_PASSWORD": ADMIN_PASSWORD,
        }
    process = await asyncio.create_subprocess_exec(
        Path(sys.executable).with_name("mediamill"),
        "sync",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment,
    )
    out, err = await process.communicate()
    assert process.returncode is not None
    return Ended(process.returncode, out.decode(), err.decode())
