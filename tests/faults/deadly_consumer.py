"""Stands in for a processor that a picture kills, and for whoever starts it again each time.

Run as `python deadly_consumer.py BROKER_URL`; it goes on until SIGTERM, and prints a line for each process
that a message killed. The processes are forked: what they import takes longer than what they do.
"""

import asyncio
import os
import signal
import sys

from mediamill_contracts.media import MediaAccepted
from mediamill_contracts.topology import PROCESSOR_IMAGES
from mediamill_messaging.rabbitmq import RabbitTransport
from mediamill_messaging.subscription import Delivery, Subscription, route

KILLED_BY_A_MESSAGE = 42


async def die(_message: MediaAccepted, _delivery: Delivery) -> None:
    """End the process as a crash in native code would: no clean-up, no answer to the broker."""
    os._exit(KILLED_BY_A_MESSAGE)


async def consume(url: str) -> None:
    """Consume until a message comes or the process is killed."""
    subscription = Subscription(PROCESSOR_IMAGES, (route(MediaAccepted, die),), concurrency=1)
    transport = RabbitTransport(url, service="processor", subscriptions=(subscription,))
    await transport.start()
    await asyncio.Event().wait()


def main(url: str) -> None:
    """Start one process after the other, each when the one before is dead."""
    os.setpgid(0, 0)
    signal.signal(signal.SIGTERM, lambda *_: os.killpg(0, signal.SIGKILL))
    while True:
        child = os.fork()
        if child == 0:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            asyncio.run(consume(url))
        _, status = os.waitpid(child, 0)
        if os.waitstatus_to_exitcode(status) != KILLED_BY_A_MESSAGE:
            sys.exit("the consumer ended, but no message killed it")
        sys.stdout.write("killed\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1])
