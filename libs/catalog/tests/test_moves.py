"""Media that are marked, moved and copied at the same time: nothing is lost, whatever comes when."""

import random
from uuid import UUID

import pytest

from mediamill_contracts import Message
from mediamill_contracts.recipe import Store
from mediamill_contracts.sync import RequestSync
from mediamill_database import Database

from .world import MARK, World

STEPS = 90
STORES: tuple[Store, Store] = ("local", "s3")


class Chance:
    """Does what people, workers and brokers may do, in an order that follows from a seed."""

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.random = random.Random(seed)
        self.handled: list[Message] = []
        self.chats: list[UUID] = []
        self.jobs: list[UUID] = []
        world.dies_after = lambda: self.random.random() < 0.04

    async def run(self) -> None:
        """Take all steps, and look after each whether everything can be fetched."""
        world = self.world
        ids = [await world.upload() for _ in range(3)]
        for step in range(STEPS):
            what = await self._step(ids[step % len(ids)])
            assert await world.broken() == [], f"after step {step}: {what}"
        world.dies_after = lambda: False
        await world.settle()
        assert await world.broken() == []
        assert await world.unfinished() == (0, 0)

    async def _step(self, media_id: UUID) -> str:
        chosen = self.random.random()
        if self.world.messages and chosen < 0.65:
            message = self.random.choice(self.world.messages)
            if not isinstance(message, RequestSync):
                self.handled.append(message)
            await self.world.deliver(message)
            return f"{message!r}"
        if self.handled and chosen < 0.75:
            message = self.random.choice(self.handled)
            await self.world.deliver(message)
            return f"again {message!r}"
        return await self._act(media_id)

    async def _act(self, media_id: UUID) -> str:
        world, store = self.world, self.random.choice(STORES)
        acts = {
            "mark": lambda: self._mark(media_id),
            "cancel marks": self._cancel_mark,
            "send": lambda: self._send(media_id),
            "delete message": self._delete_message,
            "hide": lambda: world.hide(media_id),
            "restore": lambda: world.restore(media_id),
            f"copy to {store}": lambda: world.copy(media_id, store, delete_source=self.random.random() < 0.3),
            f"remove from {store}": lambda: world.remove(media_id, store),
            "purge": lambda: world.purge(media_id),
        }
        what = self.random.choices(list(acts), weights=(4, 2, 4, 2, 1, 3, 4, 2, 0.3))[0]
        await acts[what]()
        return f"{what} {media_id}"

    async def _mark(self, media_id: UUID) -> None:
        self.jobs.append(await self.world.mark(media_id, mark=self.random.choice((MARK, None))))

    async def _cancel_mark(self) -> None:
        if self.jobs:
            await self.world.cancel_mark(self.random.choice(self.jobs[-3:]))

    async def _send(self, media_id: UUID) -> None:
        message_id = await self.world.send(media_id)
        if message_id is not None:
            self.chats.append(message_id)

    async def _delete_message(self) -> None:
        if self.chats:
            await self.world.delete_message(self.chats.pop(self.random.randrange(len(self.chats))))


@pytest.mark.parametrize("seed", [1, 2])
async def test_whatever_comes_when_nothing_is_lost(database: Database, seed: int) -> None:
    """Marks, their ends, messages, copies and removals cross each other; workers die, answers come twice."""
    await Chance(World(database), seed).run()
