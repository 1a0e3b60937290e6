"""Media move to the folder of the message that took them in, and what names them is right all the way.

A worker copies the objects; then one transaction lets the rows name the copies, if they still name what was
copied. What they were made from goes some minutes later, so that a signed URL given out before still works.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy import Row, bindparam, update
from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_catalog import attachments, media, timeline
from mediamill_catalog.core import MEDIA, VARIANTS
from mediamill_catalog.placement import stores_of
from mediamill_catalog.recovery import public_code
from mediamill_catalog.stored_media import StoredMedium, load_stored_media
from mediamill_catalog.tables import MediaStatus
from mediamill_catalog.timeline import Happening
from mediamill_contracts.message import Part
from mediamill_contracts.recipe import Store
from mediamill_contracts.relocation import ObjectMove, RelocationCompleted, RequestRelocation
from mediamill_contracts.storage import S3Location
from mediamill_contracts.sync import RequestPurge
from mediamill_outbox import emit
from mediamill_storage.keys import in_folder

RELOCATED = "media.relocated"
ABANDONED = "media.relocation_abandoned"
"""Names of lines in the timeline. An abandoned medium stays where it is, and is no worse for it."""
MAX_RUNS = 6
AGAIN_SECONDS = 30.0
"""Before the next run; times the number of the run."""
_BY = "system"


@dataclass(frozen=True)
class Surroundings:
    """What holds for all media alike."""

    s3: S3Location | None
    """Where S3 is, also while nothing new may go there."""
    keep_seconds: float
    """How long objects stay under their old keys: longer than URLs are signed for."""


async def request_relocations(
    session: AsyncSession, message_id: UUID, media_ids: Collection[UUID], *, s3: S3Location | None
) -> None:
    """Have the objects of media, attached in this transaction, copied to the message's folder."""
    stored = await load_stored_media(session, media_ids)
    for medium in stored.values():
        request = _request(medium, message_id, s3, run=0)
        if request is not None:
            await attachments.note_relocation(session, medium.row.id, 0)
            await emit(session, request)


async def settle_relocation(
    session: AsyncSession, event: RelocationCompleted, around: Surroundings, *, now: datetime
) -> None:
    """Let the medium's rows name the copies; else have them removed, and made again if it is still wanted.

    A run's result counts once. A medium that is not wanted in that folder never will be again, since the
    deletion of a message and the removal of a medium are final: its copies can go. In the trash it is wanted,
    for it may come back.
    """
    row = await media.find(session, event.media_id, lock=True)
    attachment = await attachments.find(session, event.media_id)
    targets = [move.target_key for move in event.moves]
    if row is None or not _is_wanted(event, row, attachment):
        if row is None or row.original_key not in targets:
            await _purge(session, event, targets, around)
        return
    if attachment is None or attachment.relocation_run != event.run:
        return
    variants = await media.variants_of(session, [row.id])
    medium = StoredMedium(row, variants.get(row.id, []))
    if _fits(event, medium):
        await _swap(session, event, medium, around, now)
    else:
        await _ask_again(session, event, medium, around, now)


async def record_lost_relocation(session: AsyncSession, payload: bytes, code: str, *, now: datetime) -> None:
    """Note that a run became a dead letter: the medium stays where it is until somebody replays that."""
    try:
        run = _Run.model_validate_json(payload)
    except ValidationError:
        return
    attachment = await attachments.find(session, run.media_id)
    if attachment is None or (attachment.message_id, attachment.relocation_run) != (
        run.chat_message_id,
        run.run,
    ):
        return
    detail = {"messageId": str(run.chat_message_id), "code": public_code(code)}
    await timeline.record(session, Happening(run.media_id, ABANDONED, now, detail=detail))


class _Run(Part):
    """What requests and results have in common."""

    media_id: UUID
    chat_message_id: UUID
    run: int = 0


def _is_wanted(event: RelocationCompleted, row: Row[Any], attachment: Row[Any] | None) -> bool:
    return (
        row.status == MediaStatus.READY
        and row.purge_requested_at is None
        and attachment is not None
        and attachment.message_id == event.chat_message_id
    )


def _fits(event: RelocationCompleted, medium: StoredMedium) -> bool:
    """Return whether exactly what the rows name was copied, wherever they claim it to be.

    While a store is being given up the claim may come back: wait until that is over.
    """
    named = {each.key for each in medium.objects("local")}
    return (
        named == {move.source_key for move in event.moves}
        and medium.row.removing is None
        and set(stores_of(medium.row.storage_status)) <= set(event.copied_to)
    )


async def _swap(
    session: AsyncSession,
    event: RelocationCompleted,
    medium: StoredMedium,
    around: Surroundings,
    now: datetime,
) -> None:
    """Name the copies. A transfer that was asked for before now copied the old keys: it does not count."""
    target_of = {move.source_key: move.target_key for move in event.moves}
    await session.execute(
        update(MEDIA)
        .where(MEDIA.c.id == event.media_id)
        .values(original_key=target_of[medium.row.original_key], rekeyed_at=now, updated_at=now)
    )
    if medium.variants:
        await session.execute(
            _MOVE_VARIANT,
            [
                {"moved_id": event.media_id, "moved_name": variant.name, "moved_key": target_of[variant.key]}
                for variant in medium.variants
            ],
        )
    await attachments.note_relocation(session, event.media_id, None)
    detail = {"messageId": str(event.chat_message_id)}
    await timeline.record(session, Happening(event.media_id, RELOCATED, now, detail=detail))
    await _purge(session, event, list(target_of), around, delay=around.keep_seconds)


_MOVE_VARIANT = (
    update(VARIANTS)
    .where(VARIANTS.c.media_id == bindparam("moved_id"), VARIANTS.c.name == bindparam("moved_name"))
    .values(key=bindparam("moved_key"))
)


async def _ask_again(
    session: AsyncSession,
    event: RelocationCompleted,
    medium: StoredMedium,
    around: Surroundings,
    now: datetime,
) -> None:
    """Ask for another run, for what the rows name now; leave the medium where it is after the last."""
    run = event.run + 1
    request = _request(medium, event.chat_message_id, around.s3, run=run) if run < MAX_RUNS else None
    still_wanted = set() if request is None else {move.target_key for move in request.moves}
    useless = [move.target_key for move in event.moves if move.target_key not in still_wanted]
    await _purge(session, event, useless, around)
    await attachments.note_relocation(session, event.media_id, None if request is None else run)
    if request is not None:
        await emit(session, request, delay_seconds=AGAIN_SECONDS * run)
        return
    detail = {"messageId": str(event.chat_message_id)}
    await timeline.record(session, Happening(event.media_id, ABANDONED, now, detail=detail))


def _request(
    medium: StoredMedium, message_id: UUID, s3: S3Location | None, *, run: int
) -> RequestRelocation | None:
    """Return None for a medium that is there already, or whose store is not known any more."""
    moves = tuple(
        ObjectMove(
            source_key=each.key,
            target_key=in_folder(each.key, str(message_id)),
            size_bytes=each.size_bytes,
            sha256=each.sha256,
            media_type=each.media_type,
        )
        for each in medium.objects("local")
    )
    stores = stores_of(medium.row.storage_status)
    if all(move.source_key == move.target_key for move in moves) or ("s3" in stores and s3 is None):
        return None
    return RequestRelocation(
        media_id=medium.row.id,
        user_id=medium.row.user_id,
        chat_message_id=message_id,
        run=run,
        moves=moves,
        stores=stores,
        s3=s3,
    )


async def _purge(
    session: AsyncSession,
    event: RelocationCompleted,
    object_keys: list[str],
    around: Surroundings,
    *,
    delay: float = 0.0,
) -> None:
    """Have objects removed from every store, under keys that no row will ever name again.

    What a row names is never removed like this, not even from a store that it does not claim: a moment later
    it might, and nobody would know of the removal that is under way.
    """
    if not object_keys:
        return
    everywhere: tuple[Store, ...] = ("local",) if around.s3 is None else ("local", "s3")
    request = RequestPurge(
        media_id=event.media_id,
        user_id=event.user_id,
        keys=tuple(object_keys),
        stores=everywhere,
        final=False,
        s3=around.s3,
        requested_by=_BY,
    )
    await emit(session, request, delay_seconds=delay)
