"""The life of a process, seen from outside: started, signalled and waited for as an orchestrator does."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from queue import Queue

import httpx
import pytest

from mediamill_testing.ports import free_port

PROGRAM = """
import asyncio, sys
from mediamill_runtime.operations import operations_routes
from mediamill_runtime.process import run_process
from mediamill_runtime.service import Service
from mediamill_runtime.settings import SettingsError, SharedSettings
from pydantic_settings import SettingsConfigDict
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

class Settings(SharedSettings):
    model_config = SettingsConfigDict(env_prefix="EXAMPLE_")
    stop_seconds: float = 0
    fail_start: bool = False
    request_seconds: float = 0
    folder_in_use: bool = False

def build(settings):
    if settings.folder_in_use:
        raise SettingsError(["EXAMPLE_FOLDER: it is in use"])
    def say(what):
        print(what, flush=True)
    async def start():
        if settings.fail_start:
            raise RuntimeError("the disk is full")
        say("started")
    async def quiesce():
        say("quiesced")
    async def stop():
        await asyncio.sleep(settings.stop_seconds)
        say("closed")
    async def slow(request):
        say("request")
        await asyncio.sleep(settings.request_seconds)
        say("answered")
        return PlainTextResponse("done")
    async def who(request):
        return PlainTextResponse(f"{request.client.host} {request.url.scheme}")
    routes = [*operations_routes({}), Route("/slow", slow), Route("/who", who)]
    return Service("example", Starlette(routes=routes), start=start, stop=stop, quiesce=quiesce)

sys.exit(run_process("example", Settings, build))
"""


class Process:
    """The example service as a child process; `said` holds the lines of its standard output."""

    def __init__(self, **environment: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        variables = {
            "MEDIAMILL_ENV": "test",
            "LOG_FORMAT": "json",
            "EXAMPLE_PORT": str(self.port),
            **environment,
        }
        self._process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM],
            env={"PATH": os.environ["PATH"], **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.said: list[str] = []
        self.log: list[str] = []
        self._news: Queue[str] = Queue()
        self._readers = [
            threading.Thread(target=self._read, args=(self._process.stdout, self.said)),
            threading.Thread(target=self._read, args=(self._process.stderr, self.log)),
        ]
        for reader in self._readers:
            reader.start()

    def wait_for(self, text: str) -> None:
        """Wait until a line with `text` was written to either stream."""
        while not any(text in line for line in (*self.said, *self.log)):
            self._news.get(timeout=60)

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        self._process.send_signal(number)

    def exit_code(self) -> int:
        """Wait for the end."""
        code = self._process.wait(timeout=60)
        for reader in self._readers:
            reader.join()
        return code

    def kill(self) -> None:
        """End it if it still runs."""
        self._process.kill()
        self.exit_code()

    def _read(self, stream, lines: list[str]) -> None:
        for line in stream:
            lines.append(line.rstrip())
            self._news.put(line)


@pytest.fixture
def launch() -> Iterator[Callable[..., Process]]:
    """Return a function that launches the example with environment variables."""
    running: list[Process] = []

    def start(**environment: str) -> Process:
        running.append(Process(**environment))
        return running[-1]

    yield start
    for process in running:
        process.kill()


@pytest.mark.parametrize(
    ("trusted", "told"), [("192.0.2.1, 127.0.0.0/8", "203.0.113.7 https"), ("192.0.2.1", "127.0.0.1 http")]
)
def test_only_a_proxy_is_believed_about_its_clients(launch, trusted, told):
    """Behind a proxy that is named each client is told apart; anybody else cannot pass for another."""
    process = launch(TRUSTED_PROXIES=trusted)
    process.wait_for("listening")
    forwarded = {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https"}
    assert httpx.get(f"{process.url}/who", headers=forwarded).text == told


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_process_in_order(launch, number):
    """On a stop signal the service quiesces, closes and exits with 0."""
    process = launch()
    process.wait_for("listening")
    assert httpx.get(f"{process.url}/health/ready").status_code == 200
    process.send(number)
    assert process.exit_code() == 0
    assert process.said == ["started", "quiesced", "closed"]
    assert json.loads(process.log[-1])["event"] == "stopped"


def test_requests_in_hand_are_answered_before_the_service_closes(launch):
    """A request that is being served at SIGTERM gets its answer; only then the service closes."""
    process = launch(EXAMPLE_REQUEST_SECONDS="0.5")
    process.wait_for("listening")
    answers: list[str] = []
    client = threading.Thread(target=lambda: answers.append(httpx.get(f"{process.url}/slow").text))
    client.start()
    process.wait_for("request")
    process.send(signal.SIGTERM)
    assert process.exit_code() == 0
    client.join()
    assert answers == ["done"]
    assert process.said == ["started", "request", "quiesced", "answered", "closed"]


def test_a_second_signal_exits_at_once(launch):
    """Who signals twice does not want to wait."""
    process = launch(EXAMPLE_STOP_SECONDS="60", SHUTDOWN_GRACE_SECONDS="120")
    process.wait_for("listening")
    process.send(signal.SIGTERM)
    process.wait_for("quiesced")
    process.send(signal.SIGTERM)
    assert process.exit_code() == 128 + signal.SIGTERM


def test_a_stop_that_hangs_is_cut_off(launch):
    """A stop that takes longer than its share of the grace time is given up, said so, and exits with 1."""
    process = launch(EXAMPLE_STOP_SECONDS="60", SHUTDOWN_GRACE_SECONDS="1")
    process.wait_for("listening")
    process.send(signal.SIGTERM)
    assert process.exit_code() == 1
    assert any(json.loads(line)["event"] == "unclean stop" for line in process.log)


def test_an_address_in_use_is_one_clear_line(launch):
    """A port that is taken ends the process at once, without a traceback."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        process = launch(EXAMPLE_PORT=port)
        assert process.exit_code() == 1
    (line,) = process.log
    assert json.loads(line) | {"timestamp": ""} == {
        "event": "cannot listen",
        "level": "error",
        "service": "example",
        "host": "127.0.0.1",
        "port": int(port),
        "reason": "Address already in use",
        "timestamp": "",
    }


def test_a_failed_start_closes_what_was_opened(launch):
    """When the start fails, the log has the error, the service is closed, and the exit code is 1."""
    process = launch(EXAMPLE_FAIL_START="true")
    assert process.exit_code() == 1
    assert process.said == ["closed"]
    assert any("the disk is full" in line for line in process.log)


def test_wrong_settings_are_named_before_anything_starts(launch):
    """Exit code 2 and one line a variable."""
    process = launch(EXAMPLE_STOP_SECONDS="soon", MEDIAMILL_ENV="nowhere")
    assert process.exit_code() == 2
    assert [line.split(":")[1].strip() for line in process.log] == ["MEDIAMILL_ENV", "EXAMPLE_STOP_SECONDS"]
    assert process.said == []


def test_what_turns_out_to_be_unusable_is_named_the_same_way(launch):
    """A value that only building the service shows to be wrong ends in one line, too."""
    process = launch(EXAMPLE_FOLDER_IN_USE="true")
    assert process.exit_code() == 2
    assert process.log == ["example: EXAMPLE_FOLDER: it is in use"]


def test_an_unreachable_collector_does_not_delay_the_exit(launch):
    """With a collector that never answers the process still ends cleanly within its grace time."""
    process = launch(OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9")
    process.wait_for("listening")
    assert httpx.get(f"{process.url}/slow").text == "done"
    process.send(signal.SIGTERM)
    assert process.exit_code() == 0
