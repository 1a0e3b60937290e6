"""Makes finished uploads durable: after this transaction a crash can delay one, never lose it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_catalog import idempotency
from mediamill_catalog.idempotency import Claim, IdempotencyConflictError, RepeatableRequest
from mediamill_catalog.tables import utc_now
from mediamill_contracts.ids import new_id
from mediamill_contracts.media import MediaUploaded, StagedObject
from mediamill_contracts.recipe import Lane
from mediamill_database.database import Database
from mediamill_ingest.group_commit import GroupCommit, Submitted
from mediamill_ingest.metrics import count_added
from mediamill_ingest.registration import Registration, prepare_registration, register
from mediamill_messaging.envelope import Envelope, seal
from mediamill_outbox.emit import enqueue_all


@dataclass(frozen=True)
class StagedUpload:
    """Bytes that were received whole, hashed, recognised and stored under `temp/`."""

    media_id: UUID
    user_id: str
    key: str
    size_bytes: int
    sha256: str
    media_type: str
    """What the bytes are, not what the sender called them."""
    file_name: str
    entity_type: str = "general"
    entity_id: str | None = None
    alt: str | None = None
    title: str | None = None
    lane: Lane = "interactive"


@dataclass(frozen=True)
class AcceptedUpload:
    """Where to ask about the upload; `repeated` when an earlier request with the same key made it."""

    media_id: UUID
    job_id: UUID
    repeated: bool = False
    """The bytes staged for this request belong to nobody: the caller removes them."""


@dataclass(frozen=True)
class _Intent:
    """An upload to be accepted, with its rows as they will be written."""

    registration: Registration
    announcement: Envelope
    request: RepeatableRequest | None


class UploadIntake:
    """Accepts uploads; those that arrive at about the same time share a transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._group = GroupCommit(self._write)

    async def accept(self, upload: StagedUpload, request: RepeatableRequest | None = None) -> AcceptedUpload:
        """Commit medium, job, timeline, idempotency key and `media.uploaded` together.

        Raises IdempotencyConflictError when the key was used for another request.
        """
        event = _announcement(upload, new_id(), utc_now())
        registration = prepare_registration(event, media_type=upload.media_type, sha256=upload.sha256)
        outcome = await self._group.submit(_Intent(registration, seal(event), request))
        if isinstance(outcome, IdempotencyConflictError):
            raise outcome
        if not outcome.repeated:
            count_added(upload.entity_type, upload.lane)
        return outcome

    async def _write(
        self, batch: Sequence[Submitted[_Intent]]
    ) -> Sequence[AcceptedUpload | IdempotencyConflictError]:
        intents = [submitted.item for submitted in batch]
        async with self._database.write() as session:
            outcomes = await _claim_keys(session, intents)
            new = [
                intent
                for intent, outcome in zip(intents, outcomes, strict=True)
                if isinstance(outcome, AcceptedUpload) and not outcome.repeated
            ]
            if new:
                await register(session, [intent.registration for intent in new])
                await enqueue_all(session, [intent.announcement for intent in new])
        return outcomes


def _accepted(event: MediaUploaded) -> AcceptedUpload:
    return AcceptedUpload(event.media_id, event.job_id)


async def _claim_keys(
    session: AsyncSession, intents: Sequence[_Intent]
) -> list[AcceptedUpload | IdempotencyConflictError]:
    """Return for each intent what its key stands for: the upload itself unless the key is known."""
    outcomes: list[AcceptedUpload | IdempotencyConflictError] = [
        _accepted(intent.registration.event) for intent in intents
    ]
    claims = {place: claim for place, intent in enumerate(intents) if (claim := _claim(intent)) is not None}
    kept = await idempotency.claim(session, list(claims.values()))
    for (place, claim), is_new in zip(claims.items(), kept, strict=True):
        if not is_new:
            outcomes[place] = await _earlier(session, claim)
    return outcomes


def _claim(intent: _Intent) -> Claim | None:
    if intent.request is None:
        return None
    event = intent.registration.event
    answer = {"mediaId": str(event.media_id), "jobId": str(event.job_id)}
    return Claim(
        event.user_id, intent.request.key, intent.request.fingerprint, 202, answer, event.uploaded_at
    )


async def _earlier(session: AsyncSession, claim: Claim) -> AcceptedUpload | IdempotencyConflictError:
    try:
        answer = await idempotency.earlier_answer(
            session, user_id=claim.user_id, key=claim.key, fingerprint=claim.fingerprint
        )
    except IdempotencyConflictError as conflict:
        return conflict
    if answer is None:
        raise RuntimeError("the key that refused this claim is gone: try again")
    return AcceptedUpload(UUID(answer["mediaId"]), UUID(answer["jobId"]), repeated=True)


def _announcement(upload: StagedUpload, job_id: UUID, now: datetime) -> MediaUploaded:
    return MediaUploaded(
        media_id=upload.media_id,
        job_id=job_id,
        user_id=upload.user_id,
        staged=StagedObject(key=upload.key, size_bytes=upload.size_bytes, sha256=upload.sha256),
        file_name=upload.file_name,
        declared_type=upload.media_type,
        entity_type=upload.entity_type,
        entity_id=upload.entity_id,
        alt=upload.alt,
        title=upload.title,
        lane=upload.lane,
        uploaded_at=now,
    )
