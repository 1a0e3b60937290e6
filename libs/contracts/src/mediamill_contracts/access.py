"""Who does what on the broker, by service: the rights of its users derive from it.

What a service consumes stands with its queues and broadcasts. What it publishes stands here, since a message
does not say who may send it.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Access:
    """What a service may do beyond consuming its own queues and hearing its own broadcasts.

    `publishes` are routing keys, with `*` and `#` as in bindings.
    """

    publishes: tuple[str, ...] = ()
    sends_outbox: bool = False
    """Its relay sends whatever the control plane has written: any message, and replays to any one queue."""
    collects_dead_letters: bool = False


ACCESS: Mapping[str, Access] = {
    "ingest": Access(("#",), sends_outbox=True, collects_dead_letters=True),
    "console": Access(("#",), sends_outbox=True),
    "cleanup": Access(("#",), sends_outbox=True),
    "processor": Access(("media.processed", "media.rejected", "media.progressed", "watermark.applied")),
    "storage-sync": Access(("sync.completed", "sync.progressed", "media.purged", "relocation.completed")),
    "dispatcher": Access(("call.completed", "call.progressed", "media.uploaded")),
    "notifier": Access(),
    "gateway": Access(("media.uploaded", "media.uploaded.bulk")),
}
"""By service; `gateway` stands for whoever announces uploads that it received itself."""
