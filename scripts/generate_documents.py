"""Write what can be derived from the contracts: JSON Schemas, and the table of who gets which message.

`docs/schemas/NAME.json` is for senders and receivers in other languages, `docs/messages.md` for people. With
`--check` nothing is written; the exit code is 1 when a file is missing, stale or left over.
"""

import json
import sys
from pathlib import Path

from mediamill_contracts import MESSAGES, topology
from mediamill_contracts.message import MAX_MESSAGE_BYTES, Message
from mediamill_messaging.subscription import topic_matches

ROOT = Path(__file__).resolve().parent.parent
SCHEMAS = ROOT / "docs" / "schemas"
TABLE = ROOT / "docs" / "messages.md"
DIALECT = "https://json-schema.org/draft/2020-12/schema"

TEMPLATE = """\
# Messages

Generated from `mediamill_contracts` by `make documents`; do not edit.

Every message goes to the topic exchange `{exchange}`: a JSON body of at most {kib} KiB, the wire name as
AMQP `type`, the event's id as `message_id`. Fields that a receiver does not know are ignored.

| message | meaning | work queues | broadcast to |
|---|---|---|---|
{messages}

## Work queues

Durable quorum queues. A failed message waits in a delay queue and comes back to the queue it failed in; when
the waits are used up it is kept in `<queue>.dlq`.

| queue | service | bound to | waits before each retry (s) | at once, per replica |
|---|---|---|---|---|
{queues}
"""


def main() -> int:
    """Write the files, or compare them with `--check`."""
    wanted = {SCHEMAS / f"{name}.json": _schema(model) for name, model in MESSAGES.items()}
    wanted[TABLE] = _table()
    stale = [path for path, text in wanted.items() if _content(path) != text]
    left_over = sorted(set(SCHEMAS.glob("*.json")) - set(wanted))
    if "--check" in sys.argv[1:]:
        for path in [*stale, *left_over]:
            print(
                f"{path.relative_to(ROOT)} differs from the contracts: run `make documents`", file=sys.stderr
            )
        return 1 if stale or left_over else 0
    SCHEMAS.mkdir(parents=True, exist_ok=True)
    for path in left_over:
        path.unlink()
    for path in stale:
        path.write_text(wanted[path])
    return 0


def _schema(model: type[Message]) -> str:
    head = {"$schema": DIALECT, "$id": f"urn:mediamill:{model.wire_name}"}
    return json.dumps(head | model.model_json_schema(), indent=2, ensure_ascii=False) + "\n"


def _content(path: Path) -> str | None:
    return path.read_text() if path.exists() else None


def _table() -> str:
    return TEMPLATE.format(
        exchange=topology.EVENTS_EXCHANGE,
        kib=MAX_MESSAGE_BYTES // 1024,
        messages="\n".join(_row(name, model) for name, model in sorted(MESSAGES.items())),
        queues="\n".join(_queue_row(queue) for queue in topology.QUEUES),
    )


def _row(name: str, model: type[Message]) -> str:
    meaning = (model.__doc__ or "").strip().splitlines()[0]
    queues = ", ".join(f"`{queue.name}`" for queue in topology.QUEUES if _concerns(queue.topics, name))
    broadcast = ", ".join(item.service for item in topology.BROADCASTS if _concerns(item.topics, name))
    return f"| [`{name}`](schemas/{name}.json) | {meaning} | {queues or 'none'} | {broadcast or 'nobody'} |"


def _queue_row(queue: topology.Queue) -> str:
    topics = ", ".join(f"`{topic}`" for topic in queue.topics)
    delays = ", ".join(f"{delay:g}" for delay in queue.retry.delays)
    return f"| `{queue.name}` | {queue.service} | {topics} | {delays} | {queue.concurrency} |"


def _concerns(topics: tuple[str, ...], name: str) -> bool:
    """Whether a binding takes this message, or some of the routing keys that begin with its name."""
    return any(topic_matches(topic, name) or topic.startswith(f"{name}.") for topic in topics)


if __name__ == "__main__":
    sys.exit(main())
