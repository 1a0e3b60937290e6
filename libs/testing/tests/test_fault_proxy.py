"""The proxy passes everything on until it is told to fail, and then fails as told."""

import http.client
import socket
import time
from collections.abc import Iterator
from urllib.request import urlopen

import pytest
from botocore.exceptions import IncompleteReadError, ResponseStreamingError

from mediamill_contracts.storage import S3Location
from mediamill_testing.fault_proxy import FaultProxy
from mediamill_testing.servers.s3 import S3Server, blocking_client

BODY = bytes(range(256)) * 1_024


@pytest.fixture
def proxy(s3_server: S3Server) -> Iterator[FaultProxy]:
    """Give a proxy before the S3 server."""
    with FaultProxy(s3_server.url) as proxy:
        yield proxy


def health(proxy: FaultProxy, connection: http.client.HTTPConnection | None = None) -> tuple[int, bytes]:
    """Ask for the server's health; return status and body."""
    connection = connection or http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=20)
    connection.request("GET", "/healthz")
    answer = connection.getresponse()
    return answer.status, answer.read()


def test_signed_requests_pass(proxy: FaultProxy, s3_server: S3Server, s3_location: S3Location) -> None:
    """Signatures over the proxy's own address are valid, and bodies arrive whole both ways."""
    client = blocking_client(proxy.url, s3_server.credentials)
    client.put_object(Bucket=s3_location.bucket, Key="a/b.jpg", Body=BODY)
    assert client.get_object(Bucket=s3_location.bucket, Key="a/b.jpg")["Body"].read() == BODY
    assert [line.split()[0] for line in proxy.requests] == ["PUT", "GET"]


def test_so_many_requests_are_refused(proxy: FaultProxy) -> None:
    """The next requests of that kind get the status, also on one connection; the one after passes."""
    proxy.answer(503, times=2, matching="GET /health")
    connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=20)
    assert [health(proxy, connection)[0] for _ in range(3)] == [503, 503, 200]


def test_refused_bodies_are_read(proxy: FaultProxy, s3_server: S3Server, s3_location: S3Location) -> None:
    """A client that sends a body before it looks at the answer gets through at its next attempt."""
    proxy.answer(500, times=2, matching="PUT")
    client = blocking_client(proxy.url, s3_server.credentials)
    client.put_object(Bucket=s3_location.bucket, Key="a/b.jpg", Body=BODY)
    assert len(proxy.requests) == 3


def test_answers_are_cut_short(proxy: FaultProxy, s3_server: S3Server, s3_location: S3Location) -> None:
    """The client sees the connection end amid the body, once."""
    client = blocking_client(proxy.url, s3_server.credentials)
    client.put_object(Bucket=s3_location.bucket, Key="a/b.jpg", Body=BODY)
    proxy.cut_answers(10_000, times=1, matching="GET")
    cut = client.get_object(Bucket=s3_location.bucket, Key="a/b.jpg")["Body"]
    with pytest.raises((IncompleteReadError, ResponseStreamingError)):
        cut.read()
    assert client.get_object(Bucket=s3_location.bucket, Key="a/b.jpg")["Body"].read() == BODY


def test_requests_are_cut_short(proxy: FaultProxy, s3_server: S3Server, s3_location: S3Location) -> None:
    """The server gets a part of the body only and stores nothing; the next attempt gets through."""
    client = blocking_client(proxy.url, s3_server.credentials)
    proxy.cut_requests(1_000, times=1, matching="PUT")
    client.put_object(Bucket=s3_location.bucket, Key="a/b.jpg", Body=BODY)
    assert len(proxy.requests) == 2
    assert client.get_object(Bucket=s3_location.bucket, Key="a/b.jpg")["Body"].read() == BODY


def test_an_absent_server_refuses(proxy: FaultProxy) -> None:
    """Away means: no connection stays, none is taken; and back means the same address."""
    kept = socket.create_connection(("127.0.0.1", proxy.port), timeout=20)
    assert health(proxy)[0] == 200
    proxy.go_away()
    assert kept.recv(1) == b""
    with pytest.raises(ConnectionRefusedError):
        health(proxy)
    proxy.come_back()
    assert health(proxy)[0] == 200


def test_a_slow_server_takes_its_time(proxy: FaultProxy) -> None:
    """Neither the delay nor the rate is shorter than told, and healing ends both."""
    proxy.slow_down(delay_seconds=0.2, bytes_per_second=1_000)
    began = time.monotonic()
    status, body = health(proxy)
    assert status == 200
    assert time.monotonic() - began > 0.2 + len(body) / 1_000
    proxy.heal()
    with urlopen(f"{proxy.url}/healthz", timeout=20) as answer:
        assert answer.status == 200
