"""Fixtures for tests against a real RabbitMQ."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from mediamill_messaging.rabbitmq import RabbitTransport

Connect = Callable[..., Any]


@pytest.fixture
async def connect(rabbitmq_vhost_url: str) -> AsyncIterator[Connect]:
    """Give a function that starts a connected transport, stopped at the end of the test."""
    async with AsyncExitStack() as stack:

        async def start(**options: Any) -> RabbitTransport:
            transport = RabbitTransport(rabbitmq_vhost_url, service="test", **options)
            await transport.start()
            stack.push_async_callback(transport.stop, 5)
            await transport.wait_connected()
            return transport

        yield start
