"""Identifiers sort by time when they are new, and repeat when a step runs twice."""

import time
from uuid import UUID

from mediamill_contracts.ids import new_id, repeatable_id, time_of


def test_new_ids_are_version_seven_and_carry_the_time() -> None:
    """Version and variant are those of RFC 9562, and the first 48 bits are the time in milliseconds."""
    before = time.time_ns() // 1_000_000
    made = new_id()
    after = time.time_ns() // 1_000_000
    assert made.version == 7
    assert made.variant == "specified in RFC 4122"
    assert before <= made.int >> 80 <= after
    assert before <= time_of(made).timestamp() * 1_000 <= after


def test_new_ids_differ() -> None:
    """Ten thousand ids of the same few milliseconds are all different."""
    assert len({new_id() for _ in range(10_000)}) == 10_000


def test_repeatable_ids_depend_on_job_and_name_only() -> None:
    """The same step of the same job has the same id in every process and release."""
    job = UUID("0192f0c1-2b3d-7e4f-8a5b-0000000000b2")
    assert repeatable_id(job, "media.ready") == UUID("cf04fc49-8646-58b7-b29e-60828b1471ef")
    assert repeatable_id(job, "media.failed") != repeatable_id(job, "media.ready")
    assert repeatable_id(new_id(), "media.ready") != repeatable_id(job, "media.ready")
