"""Acknowledges together what ends together, as the messages of one group commit do.

An answer of its own is a frame here, and on the broker an entry in the log of a replicated queue.
"""

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from weakref import WeakKeyDictionary

from aio_pika.abc import AbstractIncomingMessage
from aiormq.abc import AbstractChannel


class Acknowledgements:
    """The answers of one transport."""

    def __init__(self) -> None:
        self._channels: WeakKeyDictionary[AbstractChannel, _Answers] = WeakKeyDictionary()
        self._open = asyncio.Event()
        self._open.set()

    @contextmanager
    def withheld(self) -> Iterator[None]:
        """Let answers wait until the end of the block: with its prefetch used up, a consumer gets no more."""
        self._open.clear()
        try:
            yield
        finally:
            self._open.set()

    async def acknowledge(self, message: AbstractIncomingMessage) -> None:
        """Answer, and return when that is on its way; raises ChannelInvalidStateError."""
        channel: AbstractChannel = message.channel
        answers = self._channels.setdefault(channel, _Answers())
        answers.due.append(message.delivery_tag or 0)
        if answers.sending is None:
            answers.sending = asyncio.create_task(self._send(channel, answers))
        await asyncio.shield(answers.sending)

    async def send_back(self, message: AbstractIncomingMessage) -> None:
        """Have the broker deliver the message again; raises ChannelInvalidStateError."""
        channel: AbstractChannel = message.channel
        await message.nack()
        self._channels.setdefault(channel, _Answers()).note([message.delivery_tag or 0])

    async def _send(self, channel: AbstractChannel, answers: "_Answers") -> None:
        await self._open.wait()
        up_to, others = answers.take_due()
        if up_to:
            await channel.basic_ack(up_to, multiple=True)
        for tag in others:
            await channel.basic_ack(tag)


class _Answers:
    """What was answered on a channel, whose deliveries are numbered from 1 on."""

    def __init__(self) -> None:
        self.due: list[int] = []
        """Tags to acknowledge next."""
        self.sending: asyncio.Task[None] | None = None
        """Takes what is due in the loop's next round."""
        self._complete_to = 0
        """Every delivery up to this one was answered."""
        self._beyond: set[int] = set()

    def take_due(self) -> tuple[int, list[int]]:
        """Return the tag up to which all is to be acknowledged, 0 for none, and the tags beyond it."""
        due, self.due, self.sending = self.due, [], None
        self.note(due)
        within = [tag for tag in due if tag <= self._complete_to]
        return max(within, default=0), [tag for tag in due if tag > self._complete_to]

    def note(self, tags: Iterable[int]) -> None:
        """Count these as answered."""
        self._beyond.update(tags)
        while self._complete_to + 1 in self._beyond:
            self._complete_to += 1
            self._beyond.remove(self._complete_to)
