"""Identifiers that sort by time, so that tables and queues stay in insertion order."""

import hashlib
import os
import time
from datetime import UTC, datetime
from uuid import UUID, uuid5

RESULT_NAMESPACE = UUID("6f1c2d3e-7a54-4b0e-9d51-1f0a4c1f7b11")
"""Namespace of ids that must come out the same when a step runs twice."""


def new_id() -> UUID:
    """Return a UUIDv7 (RFC 9562, section 5.7): 48 bits of Unix milliseconds, then 74 random bits."""
    value = (time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10), "big")
    return _version_7(value)


def time_of(identifier: UUID) -> datetime:
    """Return when a UUIDv7 was made, to the millisecond."""
    return datetime.fromtimestamp((identifier.int >> 80) / 1000, UTC)


def related_id(origin: UUID, name: str) -> UUID:
    """Return the same UUIDv7 for the same origin (itself a UUIDv7) and name, of the origin's time.

    For rows that sort by their id and that a repeated step must not make twice.
    """
    digest = int.from_bytes(hashlib.sha256(origin.bytes + name.encode()).digest()[:10], "big")
    return _version_7(origin.int & ~((1 << 80) - 1) | digest)


def _version_7(value: int) -> UUID:
    value = value & ~(0xF << 76) | (0x7 << 76)
    return UUID(int=value & ~(0b11 << 62) | (0b10 << 62))


def repeatable_id(job_id: UUID, name: str) -> UUID:
    """Return the same UUIDv5 for the same job and name, however often a step runs."""
    return uuid5(RESULT_NAMESPACE, f"{job_id}:{name}")
