"""Stands in for a processor that a picture kills: it dies at the first message, else it waits.

Run as `python deadly_consumer.py BROKER_URL`; the exit code is 42 when a message killed it.
"""

import asyncio
import os
import sys

from mediamill_contracts.media import MediaAccepted
from mediamill_contracts.topology import PROCESSOR_IMAGES
from mediamill_messaging.rabbitmq import RabbitTransport
from mediamill_messaging.subscription import Delivery, Subscription, route

KILLED_BY_A_MESSAGE = 42


async def die(_message: MediaAccepted, _delivery: Delivery) -> None:
    """End the process as a crash in native code would: no clean-up, no answer to the broker."""
    os._exit(KILLED_BY_A_MESSAGE)


async def main(url: str) -> None:
    """Consume until a message comes or the process is told to stop."""
    subscription = Subscription(PROCESSOR_IMAGES, (route(MediaAccepted, die),), concurrency=1)
    transport = RabbitTransport(url, service="processor", subscriptions=(subscription,))
    await transport.start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
