"""Sends what transactions have put into the outbox, after they have committed.

What this process wrote it sends from memory, or handles itself when nobody else takes it: such rows are held
for a few seconds, in which no relay takes them from the table. The table is asked, once a second, only for
what nobody sent: rows of a process that died, of one without a relay, rows that were put off or that met a
broker that was away.

On PostgreSQL the rows of a batch stay locked until their confirms are in and they are deleted in the same
transaction: replicas take different rows, and the rows of a replica that dies are free at once. SQLite has
one writer and one process, so there the batch is read, published and then deleted. Either way a crash
between confirm and commit publishes again: consumers see every message at least once.
"""

import asyncio
import time
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import structlog
from sqlalchemy import Row, Select, bindparam, delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_database import Database
from mediamill_messaging.envelope import Envelope
from mediamill_messaging.errors import BrokerRefusedError, BrokerUnavailableError, UnroutableError
from mediamill_outbox.dead_letters import DeadLetterEffect
from mediamill_outbox.emit import HOLD, EmittedRow, has_emitted, held_rows
from mediamill_outbox.gauges import OutboxGauges
from mediamill_outbox.home_delivery import HomeDelivery
from mediamill_outbox.sent_rows import SentRows
from mediamill_outbox.tables import outbox
from mediamill_outbox.unroutable import bury_unroutable

BATCH = 200
"""Rows published concurrently before their confirms are awaited."""
POLL_SECONDS = 1.0
"""Safety net: rows are seen this late at most when a wake-up was missed or another process wrote them."""
HOLD_SECONDS = 5.0
"""How long the rows of a process are left to it. Rows of one that dies are sent this late at most."""
MOST_HELD = 2_000
"""Rows kept in memory at most; what comes on top is taken from the table."""
MAX_BACKOFF_SECONDS = 30.0
"""Longest wait before a row that cannot be sent is tried again."""

logger = structlog.get_logger(__name__)
Answer = BaseException | None


class RelayTarget(Protocol):
    """Where the relay sends to: the publisher of a broker connection."""

    @property
    def is_connected(self) -> bool:
        """Whether sending makes sense now."""

    async def wait_connected(self) -> None:
        """Wait until sending makes sense."""

    async def send(self, envelope: Envelope) -> None:
        """Publish and wait for the confirm; raises UnroutableError or BrokerUnavailableError."""


class Relay:
    """Moves rows from the outbox to the broker, woken by each commit that emitted.

    What `home` takes is handled in this process. With `decide_durably` a row is marked before the first try
    to send it, so that nobody else hands it to the embedded bus; needs to be the only relay of its database.
    No row is sent from memory then, and none is handled here.
    """

    def __init__(
        self,
        database: Database,
        target: RelayTarget,
        on_dead_letter: DeadLetterEffect | None = None,
        *,
        home: HomeDelivery | None = None,
        decide_durably: bool = False,
    ) -> None:
        self._database = database
        self._target = target
        self._effect = on_dead_letter
        self._home = home
        self._decide_durably = decide_durably
        self._holds_locks = database.dialect == "postgresql" and not decide_durably
        self._held: list[EmittedRow] = []
        self._given_back: list[int] = []
        self._sent = SentRows(database)
        self._poll_at = 0.0
        self._wake = asyncio.Event()
        self._stopping = False
        self._gauges = OutboxGauges(database)
        self._task: asyncio.Task[None] | None = None
        database.on_commit(self._on_commit)

    async def start(self) -> None:
        """Begin to send in the background."""
        self._stopping = False
        if not self._decide_durably:
            self._database.session_info[HOLD] = self._hold_seconds
        self._gauges.start()
        self._task = asyncio.create_task(self._run(), name="outbox-relay")

    async def stop(self, grace_seconds: float) -> None:
        """Send one more batch within the grace time and end; the rest waits in the outbox."""
        deadline = time.monotonic() + grace_seconds
        if self._home is not None:
            await self._home.close(grace_seconds)
        self._stopping = True
        self._database.session_info.pop(HOLD, None)
        self._wake.set()
        if self._task is not None:
            if self._target.is_connected:
                await asyncio.wait([self._task], timeout=max(0.0, deadline - time.monotonic()))
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._sent.close()
        await self._gauges.stop()

    async def send_batch(self) -> int:
        """Publish up to 200 due rows and settle them; return how many were sent or buried."""
        if self._holds_locks:
            async with self._database.write() as session:
                statement = _due().with_for_update(skip_locked=True)
                rows = (await session.execute(statement)).all()
                return await self._settle(session, rows, await self._publish(map(_envelope, rows)))
        rows = await self._own_batch()
        answers = await self._publish(map(_envelope, rows))
        if not rows:
            return 0
        async with self._database.write() as session:
            return await self._settle(session, rows, answers)

    def _hold_seconds(self) -> float:
        """Tell for how long new rows are left to this relay: not at all when it could not send them soon."""
        able = self._target.is_connected and len(self._held) < MOST_HELD
        return HOLD_SECONDS if able else 0.0

    def _on_commit(self, session: AsyncSession) -> None:
        if not has_emitted(session):
            return
        rows = held_rows(session)
        if rows:
            self._held.extend(rows)
        else:
            self._poll_at = 0.0
        self._wake.set()

    async def _run(self) -> None:
        while True:
            await self._target.wait_connected()
            self._wake.clear()
            stopping = self._stopping
            try:
                await self._send_held()
                if stopping or time.monotonic() >= self._poll_at:
                    self._poll_at = time.monotonic() + POLL_SECONDS
                    if await self.send_batch() == BATCH:
                        self._poll_at = 0.0
            except Exception:
                logger.exception("outbox batch failed; trying again")
            if stopping:
                return
            await self._wait()

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(max(0.0, self._poll_at - time.monotonic())):
                await self._wake.wait()
        except TimeoutError:
            pass

    async def _send_held(self) -> None:
        """Send from memory what this process wrote; what fails is given back to the table."""
        rows, self._held = self._held, []
        now = time.time()
        rows = [row for row in rows if row.held_until > now and not self._stays_home(row)]
        answers = await self._publish([row.envelope for row in rows])
        for row, answer in zip(rows, answers, strict=True):
            self._note(row.id, done=answer is None)
        failed, self._given_back = self._given_back, []
        if failed:
            async with self._database.write() as session:
                await session.execute(update(outbox).where(outbox.c.id.in_(failed)).values(available_at=0))
            self._poll_at = 0.0

    def _stays_home(self, row: EmittedRow) -> bool:
        """Begin to handle a row here if that is possible."""
        if self._home is None or not self._home.takes(row.envelope):
            return False
        self._home.begin(row.envelope, lambda done: self._note(row.id, done=done))
        return True

    def _note(self, row_id: int, *, done: bool) -> None:
        """Have a row deleted soon, or given back to the table."""
        if done:
            self._sent.add(row_id)
        else:
            self._given_back.append(row_id)
            self._wake.set()

    async def _own_batch(self) -> Sequence[Row[Any]]:
        """Read a batch; mark it first where the embedded bus could take it.

        What is marked is what counts: SQLite gives the id of a row that the bus has taken to the next one.
        """
        async with self._database.read() as session:
            rows: Sequence[Row[Any]] = (await session.execute(_due())).all()
        undecided = [row.id for row in rows if not row.to_broker]
        if not (self._decide_durably and undecided):
            return rows
        mark = (
            update(outbox)
            .where(outbox.c.id.in_(undecided), outbox.c.to_broker.is_(False))
            .values(to_broker=True)
            .returning(outbox)
        )
        async with self._database.write() as session:
            marked = (await session.execute(mark)).all()
        return sorted([*(row for row in rows if row.to_broker), *marked], key=lambda row: row.id)

    async def _publish(self, envelopes: Iterable[Envelope]) -> Sequence[Answer]:
        return await asyncio.gather(*map(self._target.send, envelopes), return_exceptions=True)

    async def _settle(
        self, session: AsyncSession, rows: Sequence[Row[Any]], answers: Sequence[Answer]
    ) -> int:
        """Delete what was confirmed, bury what nothing can take, put off what failed."""
        done, failed = [], []
        for row, answer in zip(rows, answers, strict=True):
            if answer is None or isinstance(answer, UnroutableError):
                done.append(row.id)
            elif not isinstance(answer, Exception):
                raise answer
            else:
                failed.append(_failure(row, answer))
        if done:
            await session.execute(delete(outbox).where(outbox.c.id.in_(done)))
        for row, answer in zip(rows, answers, strict=True):
            if isinstance(answer, UnroutableError):
                await bury_unroutable(session, row, answer, self._effect)
        if failed:
            await session.execute(_PUT_OFF, failed)
            logger.warning("messages could not be sent", count=len(failed), error=failed[0]["error"])
        return len(done)


_PUT_OFF = (
    update(outbox)
    .where(outbox.c.id == bindparam("row_id"))
    .values(attempts=bindparam("tries"), last_error=bindparam("error"), available_at=bindparam("due"))
)


def _due() -> Select[Any]:
    return select(outbox).where(outbox.c.available_at <= time.time()).order_by(outbox.c.id).limit(BATCH)


def _envelope(row: Row[Any]) -> Envelope:
    return Envelope(row.event_id, row.type, row.routing_key, row.payload, row.headers, row.exchange)


def _failure(row: Row[Any], error: Exception) -> dict[str, Any]:
    """Describe a failed row; one that only met a lost broker is due as soon as the broker is back."""
    lost = isinstance(error, BrokerUnavailableError) and not isinstance(error, BrokerRefusedError)
    backoff = 0.0 if lost else min(MAX_BACKOFF_SECONDS, 2.0 ** min(row.attempts, 10))
    return {
        "row_id": row.id,
        "tries": row.attempts + 1,
        "error": f"{type(error).__name__}: {error}"[:500],
        "due": time.time() + backoff,
    }
