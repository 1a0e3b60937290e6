"""Messages keep their identity when a step runs twice, and refuse what could do harm."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from pydantic import ValidationError

from mediamill_contracts.call import CallCompleted
from mediamill_contracts.ids import new_id
from mediamill_contracts.media import (
    MediaFailed,
    MediaProgressed,
    MediaReady,
    MediaRejected,
    MediaUploaded,
    StagedObject,
)
from mediamill_contracts.platform import SettingsChanged
from mediamill_contracts.recipe import Lane, ObjectRef, Recipe, VariantSpec
from mediamill_contracts.sync import MediaPurged, SyncCompleted
from mediamill_contracts.topology import QUEUES

JOB = UUID("0192f0c1-2b3d-7e4f-8a5b-0000000000b2")
MEDIA = UUID("0192f0c1-2b3d-7e4f-8a5b-0000000000a1")


def failed(job: UUID = JOB, detail: str = "It ends early.") -> MediaFailed:
    """Return the last word on a job."""
    return MediaFailed(media_id=MEDIA, job_id=job, user_id="user-42", code="truncated", detail=detail)


def progressed(stage: str, attempt: int) -> MediaProgressed:
    """Return one step of one attempt."""
    return MediaProgressed.model_validate(
        {
            "media_id": MEDIA,
            "job_id": JOB,
            "user_id": "user-42",
            "progress": 50,
            "stage": stage,
            "attempt": attempt,
        }
    )


def test_a_result_repeats_its_id() -> None:
    """A job that runs twice reports under one id, whatever it says the second time."""
    assert failed().message_id() == failed(detail="Other words.").message_id()


def test_results_of_other_jobs_and_kinds_differ() -> None:
    """Neither another job nor another message of the same job shares an id."""
    rejected = MediaRejected(
        media_id=MEDIA, job_id=JOB, user_id="user-42", code="truncated", detail="Ends early."
    )
    assert len({failed().message_id(), failed(job=new_id()).message_id(), rejected.message_id()}) == 3


def test_each_step_of_each_attempt_has_its_id() -> None:
    """Progress is recognised by attempt and stage."""
    steps = [progressed("started", 1), progressed("decoded", 1), progressed("started", 2)]
    assert len({step.message_id() for step in steps}) == 3
    assert progressed("decoded", 1).message_id() == steps[1].message_id()


@pytest.mark.parametrize(
    ("lane", "queues"), [("interactive", ["ingest.admission"]), ("bulk", ["ingest.admission-bulk"])]
)
def test_bulk_uploads_wait_in_a_queue_of_their_own(lane: Lane, queues: list[str]) -> None:
    """What is uploaded by hand is not admitted behind a thousand others."""
    uploaded = MediaUploaded(
        media_id=MEDIA,
        job_id=JOB,
        user_id="user-42",
        staged=StagedObject(key="temp/user-42/1.jpg", size_bytes=1),
        file_name="1.jpg",
        lane=lane,
        uploaded_at=datetime.now(UTC),
    )
    assert [queue.name for queue in QUEUES if uploaded.routing_key in queue.topics] == queues


def test_batch_calls_and_purges_end_once() -> None:
    """What ends a batch, a call or a medium has an id that depends on nothing else."""
    job = new_id()
    completed = {
        "sync_job_id": job,
        "requested_at": "2026-03-14T09:26:53Z",
        "operation": "delete_local",
        "status": "completed",
        "processed_bytes": 1,
    }
    one = SyncCompleted.model_validate(completed | {"processed_files": 1})
    other = SyncCompleted.model_validate(completed | {"processed_files": 2})
    assert one.message_id() == other.message_id()
    call = {"job_id": job, "user_id": "user-42", "call_type": "image_generation"}
    good = CallCompleted.model_validate(call | {"status": "completed"})
    bad = CallCompleted.model_validate(call | {"status": "failed"})
    assert good.message_id() == bad.message_id()
    purged, again = (MediaPurged(media_id=MEDIA, user_id=user) for user in ("user-42", "user-43"))
    assert purged.message_id() == again.message_id()


def test_announcements_that_happen_again_are_new() -> None:
    """A change of settings is an event each time."""
    changed = SettingsChanged(
        revision=2, sections=("storage",), changed_by="admin-1", changed_at=datetime.now(UTC)
    )
    assert changed.message_id() != changed.message_id()


@pytest.mark.parametrize("key", ["/etc/passwd", "../secret", "", "temp/ü.jpg", "temp/a b.jpg"])
def test_object_keys_are_plain_relative_paths(key: str) -> None:
    """A key cannot be absolute, hidden, empty, or hold what needs escaping somewhere."""
    with pytest.raises(ValidationError):
        StagedObject(key=key, size_bytes=1)


def test_times_name_their_zone() -> None:
    """A time without a zone means something else on every machine, so it is refused."""
    with pytest.raises(ValidationError, match="timezone"):
        MediaUploaded(
            media_id=MEDIA,
            job_id=JOB,
            user_id="user-42",
            staged=StagedObject(key="temp/user-42/a.jpg", size_bytes=1),
            file_name="a.jpg",
            uploaded_at=datetime(2026, 3, 14, 9, 26),  # noqa: DTZ001 - what is being refused
        )


def test_recipes_are_bounded() -> None:
    """A recipe has at least one variant and at most sixteen, each of a size WebP can hold."""
    with pytest.raises(ValidationError):
        Recipe(variants=())
    with pytest.raises(ValidationError):
        Recipe(variants=tuple(VariantSpec(name=f"v{n}", width=10, height=10) for n in range(17)))
    with pytest.raises(ValidationError):
        VariantSpec(name="huge", width=16_384, height=10)


def test_a_digest_is_a_sha256_in_hexadecimal() -> None:
    """MD5 sums and upper case are refused where a digest is compared later."""
    with pytest.raises(ValidationError):
        ObjectRef(key="temp/a.jpg", size_bytes=1, sha256="A" * 64, media_type="image/jpeg")


def test_ready_says_where_the_variants_are() -> None:
    """What clients are told survives the way over the wire."""
    ready = MediaReady(
        media_id=MEDIA,
        job_id=JOB,
        user_id="user-42",
        entity_type="listing",
        width=4000,
        height=3000,
        thumbhash="1QcSHQRnh493V4dIh4eXh1h4kJUI",
        urls={"large": f"/media/{MEDIA}/large"},
    )
    assert MediaReady.model_validate_json(ready.model_dump_json()) == ready
