"""The topology is complete and consistent: nothing that is published can get lost for want of a binding."""

import json
import re
from pathlib import Path

import pytest

from mediamill_contracts import MESSAGES, topology
from mediamill_messaging.subscription import topic_matches

GOLDEN = Path(__file__).parent / "golden"
SERVICES = {"ingest", "processor", "storage-sync", "notifier", "dispatcher", "cleanup", "console"}

CONSUMERS: list[topology.Queue | topology.Broadcast] = [*topology.QUEUES, *topology.BROADCASTS]
UUID_LIKE = re.compile(r"[0-9a-f]{8}")


def routing_keys() -> dict[str, str]:
    """Return the routing key of each golden message, by wire name."""
    return {
        name: model.model_validate_json((GOLDEN / f"{name}.json").read_text()).routing_key
        for name, model in MESSAGES.items()
    }


@pytest.mark.parametrize("queue", topology.QUEUES, ids=lambda queue: queue.name)
def test_queues_are_named_after_their_service_and_work(queue: topology.Queue) -> None:
    """`<service>.<work>`: an operator who sees a queue knows whose it is."""
    assert re.fullmatch(r"[a-z-]+\.[a-z-]+", queue.name)
    assert queue.name.split(".")[0] == queue.service
    assert queue.service in SERVICES
    assert queue.dead_letter_name == f"{queue.name}.dlq"


def test_names_are_given_once() -> None:
    """Two queues of one name would share their messages."""
    names = [queue.name for queue in topology.QUEUES]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("name", sorted(MESSAGES))
def test_every_message_is_consumed(name: str) -> None:
    """Each message's routing key leads to a work queue or to a broadcast."""
    key = routing_keys()[name]
    assert any(topic_matches(topic, key) for consumer in CONSUMERS for topic in consumer.topics)


@pytest.mark.parametrize("consumer", CONSUMERS, ids=lambda consumer: consumer.name)
def test_no_binding_waits_for_nothing(consumer: topology.Queue | topology.Broadcast) -> None:
    """Each topic that is bound begins with the name of a message that exists."""
    for topic in consumer.topics:
        assert any(topic == name or topic.startswith(f"{name}.") for name in MESSAGES), topic


def test_work_is_done_once() -> None:
    """No routing key leads to two work queues: each message has one owner."""
    for key in routing_keys().values():
        owners = [queue.name for queue in topology.QUEUES if any(topic_matches(t, key) for t in queue.topics)]
        assert len(owners) <= 1, (key, owners)


@pytest.mark.parametrize(("name", "key"), sorted(routing_keys().items()))
def test_routing_keys_carry_no_ids(name: str, key: str) -> None:
    """Routing keys become metric labels: a bounded set of words, beginning with the wire name."""
    assert key == name or key.startswith(f"{name}.")
    assert not UUID_LIKE.search(key)


def test_kind_and_lane_choose_the_queue() -> None:
    """Interactive and bulk uploads wait in queues of their own, pictures and videos alike."""
    expected = {
        ("image", "interactive"): "processor.images",
        ("image", "bulk"): "processor.images-bulk",
        ("video", "interactive"): "processor.videos",
        ("video", "bulk"): "processor.videos-bulk",
    }
    body = json.loads((GOLDEN / "media.accepted.json").read_text())
    for (kind, lane), owner in expected.items():
        key = MESSAGES["media.accepted"].model_validate(body | {"kind": kind, "lane": lane}).routing_key
        owners = [queue.name for queue in topology.QUEUES if any(topic_matches(t, key) for t in queue.topics)]
        assert owners == [owner]


def test_retries_get_longer_and_end() -> None:
    """Each policy waits longer from try to try, and gives up before its messages pile up for hours."""
    for queue in topology.QUEUES:
        delays = queue.retry.delays
        assert list(delays) == sorted(delays)
        assert 0 < sum(delays) <= 15 * 60


def test_each_delay_has_one_name() -> None:
    """Fractions of a second are named in milliseconds; equal delays share their queue."""
    assert topology.delay_name(0.2) == "media.delay.200"
    assert topology.delay_name(15) == topology.delay_name(15.0) == "media.delay.15000"
