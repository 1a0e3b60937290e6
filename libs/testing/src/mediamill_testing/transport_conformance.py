"""What every transport promises to handlers, written once and run against each of them.

A concrete run is a subclass with a `system` fixture. Crashes and signals, which need processes of their
own, are in `crash_conformance`.
"""

import asyncio
import time
from contextlib import suppress

import pytest
from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from mediamill_contracts.topology import Broadcast, RetryPolicy
from mediamill_messaging.errors import RetryLaterError
from mediamill_messaging.subscription import BroadcastSubscription, Delivery, Subscription, route
from mediamill_outbox import emit, first_time
from mediamill_testing.conformance_messages import Recorder, Sample, queue
from mediamill_testing.transport_systems import TransportSystem
from mediamill_testing.waiting import eventually

QUICK = RetryPolicy(delays=(0.1, 0.3))


class TransportConformance:
    """The suite; subclasses provide `system`."""

    @pytest.fixture
    def system(self) -> TransportSystem:
        """Describe the system under test, with its tables created."""
        raise NotImplementedError

    async def test_topics_choose_the_queues(self, system: TransportSystem) -> None:
        """A message reaches each queue whose topic matches its key, once, and no other queue."""
        one, many, exact = Recorder(), Recorder(), Recorder()
        table = [
            one.on(queue("one", "a.*")),
            many.on(queue("many", "a.#", "a.*")),
            exact.on(queue("exact", "a.b.c", "z")),
        ]
        async with system.run(table) as running:
            for number, topic in enumerate(("a", "a.b", "a.b.c", "z")):
                await running.transport.publisher.publish(Sample(topic=topic, number=number))
            await eventually(lambda: len(one.seen) + len(many.seen) + len(exact.seen) == 6)
        assert one.numbers == [1]
        assert sorted(many.numbers) == [0, 1, 2]
        assert sorted(exact.numbers) == [2, 3]

    async def test_a_handler_learns_how_its_message_came(self, system: TransportSystem) -> None:
        """The delivery names the queue, the type, the original key and the first attempt."""
        recorder = Recorder()
        message = Sample(topic="how")
        async with system.run([recorder.on(queue("how"))]) as running:
            async with running.database.write() as session:
                event_id = await emit(session, message)
            await eventually(lambda: recorder.seen)
        received, delivery = recorder.seen[0]
        assert received == message
        assert (delivery.queue, delivery.type) == ("conformance.how", Sample.wire_name)
        assert (delivery.routing_key, delivery.event_id) == ("conformance.how", str(event_id))
        assert delivery.attempt == 1

    async def test_a_queue_runs_as_many_handlers_as_it_may(self, system: TransportSystem) -> None:
        """Concurrency is reached and never exceeded, and one busy queue does not hold up another."""
        slow, quick = Recorder(), Recorder()
        slow.gate.clear()
        async with system.run([slow.on(queue("slow"), concurrency=3), quick.on(queue("quick"))]) as running:
            for number in range(8):
                await running.transport.publisher.publish(Sample(topic="slow", number=number))
            await running.transport.publisher.publish(Sample(topic="quick"))
            await eventually(lambda: slow.running == 3 and quick.seen)
            slow.gate.set()
            await eventually(lambda: len(slow.seen) == 8)
        assert slow.most_running == 3

    async def test_a_failed_message_is_tried_again_after_each_delay(self, system: TransportSystem) -> None:
        """Delays are kept, attempts are counted, and the original key stays known."""
        recorder = Recorder()
        recorder.failures = [ConnectionError("first"), ConnectionError("second")]
        times: list[float] = []
        attempts: list[int] = []

        async def handle(message: Sample, delivery: Delivery) -> None:
            times.append(time.monotonic())
            attempts.append(delivery.attempt)
            await recorder.handle(message, delivery)

        table = [Subscription(queue("again", retry=QUICK), (route(Sample, handle),))]
        async with system.run(table) as running:
            await running.transport.publisher.publish(Sample(topic="again"))
            await eventually(lambda: recorder.seen)
            assert await running.dead_letters() == []
        assert attempts == [1, 2, 3]
        assert times[1] - times[0] >= 0.1
        assert times[2] - times[1] >= 0.3
        assert recorder.seen[0][1].routing_key == "conformance.again"

    async def test_a_message_that_has_to_wait_has_not_failed(self, system: TransportSystem) -> None:
        """However often a handler says "not now", its message keeps all of its attempts."""
        recorder = Recorder()
        recorder.failures = [RetryLaterError(0.05, "closed", counts=False) for _ in range(5)]
        async with system.run([recorder.on(queue("patient", retry=QUICK))]) as running:
            await running.transport.publisher.publish(Sample(topic="patient"))
            await eventually(lambda: recorder.seen)
            assert await running.dead_letters() == []
        assert recorder.started == 6
        assert recorder.seen[0][1].attempt == 1

    async def test_a_duplicate_changes_nothing(self, system: TransportSystem) -> None:
        """The inbox lets the first of equal events through and recognises the others, also at once."""
        effects: list[int] = []
        deliveries = Recorder()

        async def handle(message: Sample, delivery: Delivery) -> None:
            async with running.database.write() as session:
                if await first_time(session, delivery):
                    effects.append(message.number)
            await deliveries.handle(message, delivery)

        table = [Subscription(queue("twice"), (route(Sample, handle),))]
        async with system.run(table) as running:
            async with running.database.write() as session:
                event_id = await emit(session, Sample(topic="twice"))
                for _ in range(4):
                    await emit(session, Sample(topic="twice"), event_id=event_id)
            await eventually(lambda: len(deliveries.seen) == 5)
        assert effects == [0]

    async def test_the_trace_goes_on_through_outbox_and_retries(self, system: TransportSystem) -> None:
        """Every attempt runs in the trace in which the message was emitted."""
        trace_ids: list[int] = []

        async def handle(_message: Sample, _delivery: Delivery) -> None:
            trace_ids.append(trace.get_current_span().get_span_context().trace_id)
            if len(trace_ids) < 3:
                raise ConnectionError("again")

        origin = SpanContext(0xABC123, 0x42, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))
        table = [Subscription(queue("traced", retry=QUICK), (route(Sample, handle),))]
        async with system.run(table) as running:
            with trace.use_span(NonRecordingSpan(origin)):
                await running.transport.publisher.publish(Sample(topic="traced"))
            await eventually(lambda: len(trace_ids) == 3)
        assert trace_ids == [0xABC123] * 3

    async def test_stop_lets_running_handlers_end(self, system: TransportSystem) -> None:
        """What was running at stop is finished and not repeated; what waited comes after the next start."""
        first, second = Recorder(), Recorder()
        first.gate.clear()
        async with system.run([first.on(queue("drain"), concurrency=2)]) as running:
            for number in range(5):
                await running.transport.publisher.publish(Sample(topic="drain", number=number))
            await eventually(lambda: first.running == 2)
            stopping = asyncio.create_task(running.transport.stop(10))
            await asyncio.sleep(0)
            first.gate.set()
            await stopping
        assert len(first.seen) == first.started
        async with system.run([second.on(queue("drain"), concurrency=2)]):
            await eventually(lambda: len(first.seen) + len(second.seen) == 5)
        assert sorted(first.numbers + second.numbers) == list(range(5))
        assert all(delivery.attempt == 1 for _, delivery in second.seen)

    async def test_stop_cancels_what_exceeds_the_grace_time(self, system: TransportSystem) -> None:
        """A handler that does not end in time is cancelled, and its message comes again, as it was.

        However often that happens, it is nobody's failure and nobody's crash.
        """
        first, second, work = Recorder(), Recorder(), queue("late", retry=QUICK)
        first.gate.clear()
        for stop in range(2):
            async with system.run([first.on(work)], grace_seconds=0.1) as running:
                if stop == 0:
                    await running.transport.publisher.publish(Sample(topic="late"))
                await eventually(lambda: first.running == 1)
            assert (first.running, first.seen) == (0, [])
        async with system.run([second.on(work)]):
            await eventually(lambda: second.seen)
        ((_, delivery),) = second.seen
        assert (delivery.attempt, delivery.routing_key) == (1, "conformance.late")

    async def test_a_broadcast_reaches_every_listener(self, system: TransportSystem) -> None:
        """Each listener gets each message once, in order; a failing one does not stop the stream."""
        one, two, work = Recorder(), Recorder(), Recorder()
        two.failures = [ValueError("listener trouble")]
        streams = [
            BroadcastSubscription(
                Broadcast(f"conformance.{name}", "conformance", ("conformance.news.#",)),
                (route(Sample, listener.handle),),
            )
            for name, listener in (("one", one), ("two", two))
        ]
        async with system.run([work.on(queue("work", "news.*"))], streams) as running:
            async with running.database.write() as session:
                for number in range(4):
                    await emit(session, Sample(topic="news.today", number=number))
            await eventually(lambda: len(one.seen) == 4 and len(two.seen) == 3 and len(work.seen) == 4)
        assert one.numbers == [0, 1, 2, 3]
        assert two.numbers == [1, 2, 3]

    async def test_an_announcement_reaches_who_listens_now(self, system: TransportSystem) -> None:
        """News go to every listener without touching the outbox, and vanish when nobody listens."""
        listener = Recorder()
        stream = BroadcastSubscription(
            Broadcast("conformance.listener", "conformance", ("conformance.alarm.#",)),
            (route(Sample, listener.handle),),
        )
        async with system.run([], [stream]) as running:
            await running.transport.publisher.announce(Sample(topic="nobody.cares"))
            await running.transport.publisher.announce(Sample(topic="alarm.today", number=7))
            await eventually(lambda: listener.numbers == [7])
            assert await running.pending() == 0

    async def test_a_rolled_back_event_is_never_sent(self, system: TransportSystem) -> None:
        """An event lives and dies with the transaction that emitted it."""
        recorder = Recorder()
        async with system.run([recorder.on(queue("atomic"))]) as running:
            with suppress(ZeroDivisionError):
                async with running.database.write() as session:
                    await emit(session, Sample(topic="atomic", number=1))
                    raise ZeroDivisionError
            await running.transport.publisher.publish(Sample(topic="atomic", number=2))
            await eventually(lambda: recorder.seen)
        assert recorder.numbers == [2]
