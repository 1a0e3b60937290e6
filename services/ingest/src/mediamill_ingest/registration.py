"""The rows that every upload starts with, whoever received it: medium, job, first line of the timeline."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_catalog import audit, jobs, media, timeline
from mediamill_catalog.job_messages import UNKNOWN_TYPE
from mediamill_catalog.tables import StorageStatus, UploadMethod
from mediamill_catalog.timeline import Happening
from mediamill_contracts.media import MediaUploaded
from mediamill_contracts.recipe import Kind
from mediamill_ingest.examination import Examined
from mediamill_messaging.errors import PermanentError
from mediamill_runtime.telemetry import current_trace_id


class MediaPurgedError(Exception):
    """There was such a medium, and it is gone for good."""


def kind_of(media_type: str) -> Kind:
    """Return which kind of worker takes a media type."""
    return "video" if media_type.startswith("video/") else "image"


@dataclass(frozen=True)
class Registration:
    """An upload's rows, made where its trace is current."""

    event: MediaUploaded
    medium: dict[str, Any]
    job: dict[str, Any]
    first_line: Happening


def prepare_registration(event: MediaUploaded, *, media_type: str, sha256: str) -> Registration:
    """Return the rows of an upload that this service received, hashed and recognised itself."""
    return Registration(
        event, _medium(event, media_type, sha256), _job(event, media_type), _first_line(event)
    )


def announced_registration(event: MediaUploaded, found: Examined | None) -> Registration:
    """Return the rows of an upload that a gateway announced; `found` is None before anybody looked at it."""
    media_type = event.declared_type or UNKNOWN_TYPE if found is None else found.media_type
    medium = _medium(event, media_type, None if found is None else found.sha256) | {
        "upload_method": UploadMethod.GATEWAY,
        "storage_status": StorageStatus(event.staged.store),
    }
    return Registration(event, medium, _job(event, media_type), _first_line(event))


async def register(session: AsyncSession, registrations: Sequence[Registration]) -> None:
    """Insert the rows of new uploads."""
    await media.add(session, [registration.medium for registration in registrations])
    await jobs.add(session, [registration.job for registration in registrations])
    await timeline.record(session, *(registration.first_line for registration in registrations))


async def register_confirmed(session: AsyncSession, event: MediaUploaded, *, media_type: str) -> None:
    """Insert job and first line of work for a medium whose row was there before its bytes."""
    await jobs.add(session, [_job(event, media_type)])
    await timeline.record(session, _first_line(event))


async def register_unknown(
    session: AsyncSession, registrations: Sequence[Registration]
) -> dict[UUID, Row[Any]]:
    """Insert the rows of those uploads that are new, and return those of their media.

    Rows go in by the order of their ids, so that two transactions never wait for each other. Raises
    PermanentError(`id_taken`) when a job id belongs to another upload, and MediaPurgedError when a medium was
    removed for good: an announcement that comes late does not bring it back.
    """
    ordered = sorted(registrations, key=lambda registration: registration.event.media_id)
    unknown = await media.add_unknown(session, [registration.medium for registration in ordered])
    for media_id in await audit.tombstones(session, unknown):
        raise MediaPurgedError(media_id)
    new: dict[UUID, Registration] = {}
    for registration in ordered:
        if registration.event.media_id in unknown:
            new.setdefault(registration.event.media_id, registration)
    jobs_added = await jobs.add_unknown(session, [registration.job for registration in new.values()])
    if len(jobs_added) < len(new):
        raise PermanentError("id_taken", "The job id belongs to another upload.")
    await timeline.record(session, *(registration.first_line for registration in new.values()))
    return unknown


def _medium(event: MediaUploaded, media_type: str, sha256: str | None) -> dict[str, Any]:
    return media.new_media(
        media_id=event.media_id,
        user_id=event.user_id,
        kind=kind_of(media_type),
        lane=event.lane,
        file_name=event.file_name,
        media_type=media_type,
        size_bytes=event.staged.size_bytes,
        sha256=sha256,
        original_key=event.staged.key,
        entity_type=event.entity_type,
        entity_id=event.entity_id,
        alt=event.alt,
        title=event.title,
        now=event.uploaded_at,
    )


def _job(event: MediaUploaded, media_type: str) -> dict[str, Any]:
    return jobs.new_job(
        job_id=event.job_id,
        media_id=event.media_id,
        user_id=event.user_id,
        kind=kind_of(media_type),
        lane=event.lane,
        trace_id=current_trace_id(),
        now=event.uploaded_at,
    )


def _first_line(event: MediaUploaded) -> Happening:
    return Happening(
        media_id=event.media_id,
        name=event.wire_name,
        at=event.uploaded_at,
        job_id=event.job_id,
        detail={"fileName": event.file_name, "sizeBytes": event.staged.size_bytes},
        actor=event.user_id,
        trace_id=current_trace_id(),
    )
