"""Tables of the durable side of messaging.

They are written and read in bulk on the hot path, so they are plain tables, not mapped classes. Times are
Unix seconds as floats: they compare the same way on PostgreSQL and SQLite and cost no conversion. A published
row is deleted: the outbox holds only what still has to go, so its primary key is the index of pending rows.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    false,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import SQLModel

_ID = BigInteger().with_variant(Integer, "sqlite")
_HEADERS = JSON().with_variant(JSONB, "postgresql")

outbox = Table(
    "outbox",
    SQLModel.metadata,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("event_id", String(36), nullable=False),  # not unique: a replay reuses it
    Column("exchange", String(64), nullable=False),
    Column("routing_key", String(255), nullable=False),
    Column("type", String(64), nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("headers", _HEADERS, nullable=False),
    Column("created_at", Float(53), nullable=False),
    Column("available_at", Float(53), nullable=False, server_default=text("0")),  # not sent before
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("last_error", Text),
    # Set and committed before the first try to send, where the embedded bus could take the row instead.
    Column("to_broker", Boolean, nullable=False, server_default=false()),
)

inbox = Table(
    "inbox",
    SQLModel.metadata,
    Column("queue", String(64), primary_key=True),
    Column("event_id", String(36), primary_key=True),
    Column("received_at", Float(53), nullable=False),
    Index("inbox_by_age", "received_at"),
)

embedded_delivery = Table(
    "embedded_delivery",
    SQLModel.metadata,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("queue", String(64), nullable=False),
    Column("event_id", String(36), nullable=False),
    Column("type", String(64), nullable=False),
    Column("routing_key", String(255), nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("headers", _HEADERS, nullable=False),
    Column("failures", Integer, nullable=False, server_default=text("0")),
    Column("crashes", Integer, nullable=False, server_default=text("0")),
    Column("available_at", Float(53), nullable=False),
    Column("running", Boolean, nullable=False, server_default=false()),
    Index("embedded_delivery_due", "queue", "running", "available_at", "id"),
)

dead_letter = Table(
    "dead_letter",
    SQLModel.metadata,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("queue", String(64), nullable=False),
    Column("event_id", String(36), nullable=False),
    Column("type", String(64), nullable=False),
    Column("routing_key", String(255), nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("headers", _HEADERS, nullable=False),
    Column("code", String(64), nullable=False),
    Column("error", Text, nullable=False),
    Column("fingerprint", String(16), nullable=False),  # the same for letters that died of the same cause
    Column("failures", Integer, nullable=False),
    Column("dead_at", Float(53), nullable=False),
    Column("status", String(16), nullable=False),  # open, replayed or discarded
    Column("actor", String(128)),  # who replayed or discarded it
    Column("closed_at", Float(53)),
    Index("dead_letter_by_status", "status", "queue", "id"),
    Index("dead_letter_by_fingerprint", "fingerprint"),
    # The broker may deliver a letter twice; the second one finds the first still open.
    Index(
        "dead_letter_open_once",
        "queue",
        "event_id",
        unique=True,
        sqlite_where=text("status = 'open'"),
        postgresql_where=text("status = 'open'"),
    ),
)
