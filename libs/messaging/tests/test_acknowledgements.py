"""Messages that end together share an answer, and none is answered that has not ended."""

import asyncio
from types import SimpleNamespace
from typing import Any

from mediamill_messaging.rabbitmq.acknowledgements import Acknowledgements


class Channel:
    """Keeps the answers that would go to the broker."""

    def __init__(self) -> None:
        self.unanswered: set[int] = set()
        self.frames = 0

    def delivery(self, tag: int) -> Any:
        """Return a message that the broker waits for an answer to."""
        self.unanswered.add(tag)

        async def nack() -> None:
            self.unanswered.remove(tag)

        return SimpleNamespace(channel=self, delivery_tag=tag, nack=nack)

    async def basic_ack(self, tag: int, multiple: bool = False) -> None:
        """Do as the broker does, which closes the channel for a tag that it does not know."""
        assert tag in self.unanswered
        self.frames += 1
        self.unanswered -= {known for known in self.unanswered if known == tag or (multiple and known < tag)}


async def test_what_ends_together_is_answered_with_one_frame() -> None:
    """Whatever the order in which the handlers ended; the next ones need one frame more."""
    channel, answers = Channel(), Acknowledgements()
    first = [channel.delivery(tag) for tag in (2, 1, 3)]
    await asyncio.gather(*map(answers.acknowledge, first))
    assert (channel.unanswered, channel.frames) == (set(), 1)
    await asyncio.gather(*(answers.acknowledge(channel.delivery(tag)) for tag in (4, 5)))
    assert (channel.unanswered, channel.frames) == (set(), 2)


async def test_a_message_in_hand_stays_unanswered() -> None:
    """Those before it share an answer, those behind it get their own; once it has ended, all are answered."""
    channel, answers = Channel(), Acknowledgements()
    messages = [channel.delivery(tag) for tag in range(1, 7)]
    await asyncio.gather(*(answers.acknowledge(messages[at]) for at in (0, 1, 3, 4)))
    assert (channel.unanswered, channel.frames) == ({3, 6}, 3)
    await answers.acknowledge(messages[2])
    assert channel.unanswered == {6}
    await asyncio.gather(*(answers.acknowledge(each) for each in (messages[5], channel.delivery(7))))
    assert (channel.unanswered, channel.frames) == (set(), 5)


async def test_a_message_that_went_back_is_not_waited_for() -> None:
    """A refused message counts as answered, and is not acknowledged with the others."""
    channel, answers = Channel(), Acknowledgements()
    messages = [channel.delivery(tag) for tag in (1, 2, 3)]
    await answers.send_back(messages[1])
    await asyncio.gather(answers.acknowledge(messages[0]), answers.acknowledge(messages[2]))
    assert (channel.unanswered, channel.frames) == (set(), 1)


async def test_channels_are_counted_apart() -> None:
    """Each channel numbers its deliveries itself."""
    one, other, answers = Channel(), Channel(), Acknowledgements()
    in_hand = other.delivery(1)
    await asyncio.gather(answers.acknowledge(one.delivery(1)), answers.acknowledge(other.delivery(2)))
    assert (one.unanswered, other.unanswered) == (set(), {1})
    await answers.acknowledge(in_hand)
    assert other.unanswered == set()


async def test_a_cancelled_handler_does_not_take_others_answers_with_it() -> None:
    """What ended beside it is answered all the same."""
    channel, answers = Channel(), Acknowledgements()
    tasks = [asyncio.create_task(answers.acknowledge(channel.delivery(tag))) for tag in (1, 2)]
    await asyncio.sleep(0)
    tasks[0].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert channel.unanswered == set()


async def test_withheld_answers_go_together_afterwards() -> None:
    """Until then the broker has none, and those who answered wait."""
    channel, answers = Channel(), Acknowledgements()
    with answers.withheld():
        tasks = [asyncio.create_task(answers.acknowledge(channel.delivery(tag))) for tag in (1, 2)]
        await asyncio.wait(tasks, timeout=0.05)
        assert (channel.unanswered, channel.frames) == ({1, 2}, 0)
        assert not any(task.done() for task in tasks)
    await asyncio.gather(*tasks)
    assert (channel.unanswered, channel.frames) == (set(), 1)
