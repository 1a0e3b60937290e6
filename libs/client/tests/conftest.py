"""Fixtures: the small server and the proxy in front of it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import uvicorn

from mediamill_testing.ports import free_port
from mediamill_testing.waiting import eventually

from .command import Command
from .cutting_proxy import CuttingProxy
from .mini_server import TOKEN, MiniServer


@pytest.fixture
async def server() -> AsyncIterator[MiniServer]:
    """Run the server on a port of its own."""
    port = free_port()
    mini = MiniServer(url=f"http://127.0.0.1:{port}")
    running = uvicorn.Server(uvicorn.Config(mini.app(), port=port, log_level="warning", lifespan="off"))
    serving = asyncio.create_task(running.serve())
    await eventually(lambda: running.started)
    yield mini
    running.should_exit = True
    await serving


@pytest.fixture
async def proxy(server: MiniServer) -> AsyncIterator[CuttingProxy]:
    """Run the proxy in front of the server."""
    cutting = CuttingProxy(server.url)
    listening = await asyncio.start_server(cutting.serve, "127.0.0.1", 0)
    cutting.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    yield cutting
    listening.close()


@pytest.fixture
def command(tmp_path: Path, server: MiniServer) -> Command:
    """Return a command with a valid token."""
    return Command(tmp_path / "home", {"MEDIAMILL_URL": server.url, "MEDIAMILL_TOKEN": TOKEN})
