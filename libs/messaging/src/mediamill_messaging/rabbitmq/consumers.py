"""The subscription table as FastStream subscribers, each with a channel and an explicit answer policy."""

from collections.abc import Iterable

from aio_pika import IncomingMessage
from faststream import AckPolicy, StreamMessage
from faststream.rabbit import Channel, RabbitBroker, RabbitQueue
from faststream.rabbit.subscriber import RabbitSubscriber

from mediamill_messaging.pipeline import Pipeline
from mediamill_messaging.rabbitmq.incoming import delivery_of
from mediamill_messaging.rabbitmq.retry import Retries
from mediamill_messaging.subscription import Subscription


def build_broker(
    url: str, service: str, subscriptions: Iterable[Subscription], retries: Retries
) -> RabbitBroker:
    """Make a broker for one connection's lifetime; queues must have been declared before it starts.

    Each subscriber has a channel of its own: prefetch counts stay apart, and an error on one channel does not
    cancel the handlers of another queue. FastStream neither decodes nor counts: the pipeline does, by type.
    """
    broker = RabbitBroker(
        url,
        app_id=service,
        apply_types=False,
        decoder=_undecoded,
        fail_fast=True,
        graceful_timeout=None,
        logger=None,
        middlewares=(retries,),
        reconnect_interval=5.0,
    )
    for subscription in subscriptions:
        _subscribe(broker, subscription)
    return broker


async def cancel_consumers(broker: RabbitBroker) -> None:
    """Stop the flow of new deliveries; those that have arrived are being handled already.

    FastStream's own stop ignores messages that arrive between its flag and its cancel: they would return to
    the queue and count as a crash.
    """
    for subscriber in broker.subscribers:
        if not isinstance(subscriber, RabbitSubscriber):
            continue
        queue, tag = subscriber._queue_obj, subscriber._consumer_tag  # noqa: SLF001 - there is no public way
        if queue is not None and tag is not None and not queue.channel.is_closed:
            await queue.cancel(tag)
            subscriber._consumer_tag = None  # noqa: SLF001 - it must not cancel a second time


def _subscribe(broker: RabbitBroker, subscription: Subscription) -> None:
    pipeline = Pipeline.of(subscription)
    name = subscription.queue.name

    async def consume(message: StreamMessage[IncomingMessage]) -> None:
        await pipeline.handle(delivery_of(message.raw_message, name), message.body)

    broker.subscriber(
        RabbitQueue(name, declare=False),
        channel=Channel(prefetch_count=subscription.prefetch),
        ack_policy=AckPolicy.MANUAL,
        no_reply=True,
    )(consume)


async def _undecoded(message: StreamMessage[IncomingMessage]) -> StreamMessage[IncomingMessage]:
    return message
