"""What every transport promises of messages that it gives up, written once and run against each of them."""

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_contracts.topology import RetryPolicy
from mediamill_messaging.envelope import Envelope
from mediamill_messaging.errors import PermanentError
from mediamill_messaging.transport import DeadLetter
from mediamill_outbox import DeadLetterClosedError, discard, emit, replay
from mediamill_outbox.emit import enqueue
from mediamill_testing.conformance_messages import Recorder, Sample, queue
from mediamill_testing.transport_systems import RunningTransport, TransportSystem
from mediamill_testing.waiting import eventually

QUICK = RetryPolicy(delays=(0.1, 0.3))


class DeadLetterConformance:
    """The suite; subclasses provide `system`."""

    @pytest.fixture
    def system(self) -> TransportSystem:
        """Describe the system under test, with its tables created."""
        raise NotImplementedError

    async def test_retries_end_in_a_dead_letter(self, system: TransportSystem) -> None:
        """After the last delay the message is kept with its reason, and nothing waits any more."""
        recorder = Recorder()
        recorder.failures = [ValueError(f"no {number}") for number in range(9)]
        async with system.run([recorder.on(queue("dead", retry=QUICK))]) as running:
            await running.transport.publisher.publish(Sample(topic="dead", number=7))
            (letter,) = await running.expect_dead_letters(1)
            assert recorder.started == 3
            assert (letter.queue, letter.status) == ("conformance.dead", "open")
            assert (letter.code, letter.error) == ("retries_exhausted", "ValueError: no 2")
            assert (letter.failures, letter.routing_key) == (3, "conformance.dead")
            assert Sample.model_validate_json(letter.payload).number == 7
            await eventually(lambda: _nothing_pending(running))

    async def test_a_permanent_error_is_not_retried(self, system: TransportSystem) -> None:
        """A PermanentError goes to the dead letters at once under its own code; neighbours go on."""
        recorder = Recorder()
        recorder.failures = [PermanentError("no_such_thing", "gone")]
        async with system.run([recorder.on(queue("final", retry=QUICK), concurrency=1)]) as running:
            for number in range(3):
                await running.transport.publisher.publish(Sample(topic="final", number=number))
            (letter,) = await running.expect_dead_letters(1)
            await eventually(lambda: len(recorder.seen) == 2)
        assert recorder.started == 3
        assert (letter.code, letter.error, letter.failures) == ("no_such_thing", "no_such_thing: gone", 1)

    @pytest.mark.parametrize(
        ("type_name", "payload", "code"),
        [
            (Sample.wire_name, b"\xff\x00 not json", "invalid_json"),
            ("", b"<html>", "invalid_json"),
            (Sample.wire_name, b'{"number": "many"}', "invalid_message"),
            ("conformance.unheard", b"{}", "unknown_type"),
        ],
    )
    async def test_poison_becomes_a_dead_letter_with_its_reason(
        self, system: TransportSystem, type_name: str, payload: bytes, code: str
    ) -> None:
        """What cannot be read never reaches a handler, keeps its bytes, and harms no neighbour."""
        recorder = Recorder()
        async with system.run([recorder.on(queue("poison", retry=QUICK))]) as running:
            async with running.database.write() as session:
                await enqueue(session, Envelope("poison-1", type_name, "conformance.poison", payload))
                await emit(session, Sample(topic="poison", number=1))
            (letter,) = await running.expect_dead_letters(1)
            await eventually(lambda: recorder.seen)
        assert recorder.numbers == [1]
        assert (letter.code, letter.payload, letter.event_id) == (code, payload, "poison-1")

    async def test_an_unroutable_message_becomes_a_dead_letter(self, system: TransportSystem) -> None:
        """A key that no queue and no listener knows is noticed, and does not stop the outbox."""
        recorder = Recorder()
        async with system.run([recorder.on(queue("known"))]) as running:
            async with running.database.write() as session:
                await emit(session, Sample(topic="known"), routing_key="conformance.nobody")
                await emit(session, Sample(topic="known", number=1))
            (letter,) = await running.expect_dead_letters(1)
            await eventually(lambda: recorder.numbers == [1])
            await eventually(lambda: _nothing_pending(running))
        assert (letter.code, letter.queue, letter.routing_key) == (
            "unroutable",
            "outbox",
            "conformance.nobody",
        )

    async def test_the_effect_of_a_dead_letter_happens_once_and_surely(self, system: TransportSystem) -> None:
        """A letter whose effect fails is not lost: it comes again until effect and letter commit together."""
        calls: list[DeadLetter] = []

        async def effect(session: AsyncSession, letter: DeadLetter) -> None:
            calls.append(letter)
            await emit(session, Sample(topic="epilogue", number=len(calls)))
            if len(calls) == 1:
                raise ConnectionError("the database blinked")

        recorder, epilogue = Recorder(), Recorder()
        recorder.failures = [PermanentError("broken")]
        table = [recorder.on(queue("effect")), epilogue.on(queue("epilogue"))]
        async with system.run(table, effect=effect) as running:
            await running.transport.publisher.publish(Sample(topic="effect"))
            (letter,) = await running.expect_dead_letters(1)
            await eventually(lambda: epilogue.seen)
        assert letter.code == "broken"
        assert epilogue.numbers == [2]

    async def test_a_replay_reaches_only_the_queue_that_failed(self, system: TransportSystem) -> None:
        """Replayed, a message is handled by the failed queue with a clean record, and by no other again."""
        failed, other = Recorder(), Recorder()
        failed.failures = [PermanentError("broken")]
        table = [failed.on(queue("failed", "both")), other.on(queue("other", "both"))]
        async with system.run(table) as running:
            await running.transport.publisher.publish(Sample(topic="both"))
            (letter,) = await running.expect_dead_letters(1)
            await eventually(lambda: other.seen)
            async with running.database.write() as session:
                await replay(session, letter.id, "operator")
            await eventually(lambda: failed.seen)
            await eventually(lambda: _nothing_pending(running))
            with pytest.raises(DeadLetterClosedError):
                async with running.database.write() as session:
                    await discard(session, letter.id, "operator")
            (closed,) = await running.dead_letters()
        assert (closed.status, closed.actor) == ("replayed", "operator")
        delivery = failed.seen[0][1]
        assert (delivery.attempt, delivery.event_id) == (1, letter.event_id)
        assert delivery.routing_key == "conformance.both"
        assert len(other.seen) == 1


async def _nothing_pending(running: RunningTransport) -> bool:
    return await running.pending() == 0
