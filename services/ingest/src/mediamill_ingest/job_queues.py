"""Which work queue a job waits in: the topology's answer, the same in the figures and in the API."""

from functools import cache

from mediamill_contracts.topology import QUEUES
from mediamill_messaging.subscription import topic_matches


@cache
def queue_of_job(kind: str, lane: str) -> str:
    """Return the name of the queue whose workers take jobs of this kind and lane."""
    key = f"media.accepted.{kind}.{lane}"
    takes = (queue.name for queue in QUEUES if any(topic_matches(topic, key) for topic in queue.topics))
    return next(takes, "none")
