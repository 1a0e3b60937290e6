"""How many messages wait in each queue, asked of the broker by the protocol that every client speaks."""

import asyncio
from collections.abc import Iterable

import aio_pika
from aio_pika.exceptions import ChannelNotFoundEntity

from mediamill_contracts.topology import QUEUES
from mediamill_messaging.errors import BrokerUnavailableError

TIMEOUT_SECONDS = 10.0


async def queue_depths(url: str) -> dict[str, int]:
    """Return the messages that wait, and that no consumer holds, by the names of queues and their `.dlq`.

    On a connection of its own: it is asked seldom, also by commands that run no transport. Queues that nobody
    has declared yet are left out. Raises BrokerUnavailableError.
    """
    names = [name for queue in QUEUES for name in (queue.name, queue.dead_letter_name)]
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS), await aio_pika.connect(url) as connection:
            return await _read(connection, names)
    except Exception as error:
        raise BrokerUnavailableError(f"the broker does not tell how deep its queues are: {error}") from error


async def _read(connection: aio_pika.abc.AbstractConnection, names: Iterable[str]) -> dict[str, int]:
    depths: dict[str, int] = {}
    channel = await connection.channel(publisher_confirms=False)
    for name in names:
        try:
            declared = await channel.declare_queue(name, passive=True)
        except ChannelNotFoundEntity:  # which closes the channel
            channel = await connection.channel(publisher_confirms=False)
            continue
        depths[name] = declared.declaration_result.message_count or 0
    return depths
