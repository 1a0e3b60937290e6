"""A small world around the catalog: two stores, workers that may die half way, and messages that come twice.

Workers do to sets of keys what the real ones do to files, and answer what those answer. After each step
everything that a row names must be in every store that the row claims.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select

from mediamill_catalog import (
    attachments,
    chat_messages,
    conversations,
    media,
    watermark_jobs,
    watermark_planning,
)
from mediamill_catalog.core import ATTACHMENTS, MEDIA, WATERMARK_ITEMS
from mediamill_catalog.placement import stores_of
from mediamill_catalog.purges import finish_purge, request_purge
from mediamill_catalog.relocations import Surroundings, request_relocations, settle_relocation
from mediamill_catalog.settings import PlatformSettings
from mediamill_catalog.stored_media import StoredMedium, load_stored_media
from mediamill_catalog.sync_automatic import record_automatic, request_copy, request_removal
from mediamill_catalog.tables import StorageStatus, SyncItemStatus
from mediamill_catalog.watermark_planning import WatermarkRequest
from mediamill_catalog.watermark_results import record_applied
from mediamill_contracts import MESSAGES, Message
from mediamill_contracts.ids import new_id
from mediamill_contracts.recipe import ObjectRef, ProducedVariant, Recipe, Store, Watermark
from mediamill_contracts.relocation import RelocationCompleted, RequestRelocation
from mediamill_contracts.sync import MediaPurged, RequestPurge, RequestSync, SyncCompleted, SyncFailure
from mediamill_contracts.watermark import RequestWatermark, WatermarkApplied
from mediamill_database import Database
from mediamill_outbox.tables import outbox
from mediamill_storage.keys import PLAYLIST_TYPE

from .rows import NOW, add_medium

SETTINGS = PlatformSettings(s3_enabled=True, s3_bucket="media", video_crf=30, video_preset="slow")
MARK = Watermark(text="©")


class KilledError(Exception):
    """The worker died; the message comes again."""


class World:
    """Stores, messages under way, and the handlers that they come to."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.now = NOW
        self.stored: dict[Store, set[str]] = {"local": set(), "s3": set()}
        self.messages: list[Message] = []
        """Sent and not handled yet, oldest first."""
        self.dies_after: Callable[[], bool] = lambda: False
        """Asked after each object that a worker has dealt with."""
        self._read = 0

    def tick(self) -> datetime:
        """Return a time later than all before."""
        self.now += timedelta(seconds=1)
        return self.now

    # what people do

    async def upload(self, status: StorageStatus = StorageStatus.LOCAL) -> UUID:
        """Add a READY medium with two variants, its objects in every store that it claims."""
        media_id = await add_medium(self.database, variants=("large", "thumb"), storage_status=status)
        for store in stores_of(status):
            self.stored[store] |= {each.key for each in (await self.medium(media_id)).objects(store)}
        return media_id

    async def mark(self, *media_ids: UUID, mark: Watermark | None = MARK) -> UUID:
        """Ask for a watermark job."""
        chosen = () if mark is None else mark.variants
        job_id = await self.begin_mark(WatermarkRequest("boss", mark, variants=chosen, media_ids=media_ids))
        while await self.plan_mark(job_id):
            pass
        return job_id

    async def begin_mark(self, request: WatermarkRequest) -> UUID:
        """Write a watermark job, and plan what fits one transaction."""
        job_id = new_id()
        async with self.database.write() as session:
            await watermark_planning.plan(session, job_id, request, settings=SETTINGS, now=self.tick())
        await self.collect()
        return job_id

    async def plan_mark(self, job_id: UUID) -> bool:
        """Plan what fits one transaction of what is left of a watermark job; tell whether more is."""
        async with self.database.write() as session:
            more = await watermark_planning.plan_next(session, job_id, settings=SETTINGS, now=self.tick())
        await self.collect()
        return more

    async def cancel_mark(self, job_id: UUID) -> None:
        """End a watermark job, if it has not ended."""
        async with self.database.write() as session:
            await watermark_planning.stop_planning(session, job_id, now=self.tick())
        with suppress(watermark_jobs.WatermarkJobClosedError):
            async with self.database.write() as session:
                await watermark_jobs.cancel(session, job_id, now=self.tick())
        await self.collect()

    async def send(self, *media_ids: UUID) -> UUID | None:
        """Send a message with these attachments; None when they cannot be attached."""
        conversation, message_id, now = new_id(), new_id(), self.tick()
        async with self.database.write() as session:
            if await attachments.judge(session, media_ids, sender_id="anna"):
                return None
            await conversations.add(
                session, conversation, title=None, created_by="anna", member_ids=("anna", "bob"), now=now
            )
            await chat_messages.add(
                session,
                message_id,
                conversation_id=conversation,
                sender_id="anna",
                content=None,
                recipients=("bob",),
                now=now,
            )
            await attachments.attach(session, message_id, media_ids)
            await request_relocations(session, message_id, media_ids, s3=SETTINGS.known_s3_location)
        await self.collect()
        return message_id

    async def delete_message(self, message_id: UUID) -> None:
        """Delete a message: its attachments go to the trash."""
        async with self.database.write() as session:
            await chat_messages.mark_deleted(session, message_id, now=self.tick())
            for media_id in await attachments.detach(session, message_id):
                await media.hide(session, media_id, actor="anna", now=self.now)

    async def hide(self, media_id: UUID) -> None:
        """Put a medium into the trash."""
        async with self.database.write() as session:
            await media.hide(session, media_id, actor="anna", now=self.tick())

    async def restore(self, media_id: UUID) -> None:
        """Take a medium out of the trash."""
        async with self.database.write() as session:
            await media.unhide(session, media_id, now=self.tick())

    async def purge(self, media_id: UUID) -> None:
        """Remove a medium for good."""
        async with self.database.write() as session:
            await request_purge(session, [media_id], actor="anna", settings=SETTINGS, now=self.tick())
        await self.collect()

    async def copy(self, media_id: UUID, target: Store, *, delete_source: bool = False) -> None:
        """Have a medium copied to a store; with `delete_source` it leaves the other one."""
        location = SETTINGS.known_s3_location
        assert location is not None
        async with self.database.write() as session:
            await request_copy(
                session, [media_id], target, s3=location, now=self.tick(), delete_source=delete_source
            )
        await self.collect()

    async def remove(self, media_id: UUID, store: Store) -> None:
        """Have a medium leave a store, where it is not the only one."""
        async with self.database.write() as session:
            await request_removal(session, [media_id], store, s3=SETTINGS.known_s3_location, now=self.tick())
        await self.collect()

    # what is there

    async def medium(self, media_id: UUID) -> StoredMedium:
        """Return a medium that exists."""
        async with self.database.read() as session:
            return (await load_stored_media(session, [media_id]))[media_id]

    async def broken(self) -> list[str]:
        """Return what rows name and a store that they claim does not hold."""
        async with self.database.read() as session:
            rows = await session.scalars(select(MEDIA.c.id).where(MEDIA.c.purge_requested_at.is_(None)))
            stored = await load_stored_media(session, list(rows))
        return [
            f"{store} {each.key}"
            for medium in stored.values()
            for store in stores_of(medium.row.storage_status)
            for each in medium.objects(store)
            if each.key not in self.stored[store]
        ]

    async def job(self, job_id: UUID) -> tuple[str, int, int]:
        """Return status and counts of a watermark job."""
        async with self.database.read() as session:
            details = await watermark_jobs.find(session, job_id)
        assert details is not None
        return details.job.status.value, details.job.done, details.job.failed

    async def unfinished(self) -> tuple[int, int]:
        """Return how many orders and relocations are still out."""
        async with self.database.read() as session:
            items = await session.execute(
                select(WATERMARK_ITEMS.c.id).where(WATERMARK_ITEMS.c.status == SyncItemStatus.PENDING)
            )
            runs = await session.execute(
                select(ATTACHMENTS.c.media_id).where(ATTACHMENTS.c.relocation_run.is_not(None))
            )
            return len(items.all()), len(runs.all())

    # messages and those who handle them

    async def collect(self) -> None:
        """Take what was written to the outbox since the last time."""
        async with self.database.read() as session:
            rows = await session.execute(select(outbox).where(outbox.c.id > self._read).order_by(outbox.c.id))
            for row in rows:
                self._read = row.id
                self.messages.append(MESSAGES[row.type].model_validate_json(row.payload))

    def pending(self, kind: type[Message]) -> list[Any]:
        """Return the messages of a type that are under way."""
        return [message for message in self.messages if isinstance(message, kind)]

    async def deliver(self, *messages: Message) -> None:
        """Handle messages that were under way; what a worker died over stays."""
        for message in messages:
            try:
                answer = self._work(message)
            except KilledError:
                continue
            if message in self.messages:
                self.messages.remove(message)
            if answer is not None:
                self.messages.append(answer)
            else:
                await self._record(message)

    async def settle(self) -> None:
        """Handle all messages, and those they cause, in their order."""
        while self.messages:
            await self.deliver(self.messages[0])

    def _work(self, message: Message) -> Message | None:
        """Do a worker's work and return its answer; None for what is no worker's."""
        match message:
            case RequestRelocation():
                return self._relocate(message)
            case RequestWatermark():
                return self._apply(message)
            case RequestPurge():
                for store in message.stores:
                    self._discard(store, message.keys)
                keys = message.keys
                purged = MediaPurged(media_id=message.media_id, user_id="anna", removed_keys=keys)
                return purged if message.final else None
            case RequestSync():
                return self._sync(message)
        return None

    async def _record(self, message: Message) -> None:
        async with self.database.write() as session:
            match message:
                case RelocationCompleted():
                    around = Surroundings(SETTINGS.known_s3_location, 600)
                    await settle_relocation(session, message, around, now=self.tick())
                case WatermarkApplied():
                    await record_applied(session, message, settings=SETTINGS, now=self.tick())
                case SyncCompleted():
                    location = SETTINGS.known_s3_location
                    await record_automatic(session, message, s3=location, now=self.tick())
                case MediaPurged():
                    await finish_purge(session, message, now=self.tick())
        await self.collect()

    def _add(self, store: Store, key: str) -> None:
        self.stored[store].add(key)
        if self.dies_after():
            raise KilledError

    def _discard(self, store: Store, keys: Iterable[str]) -> None:
        for key in keys:
            self.stored[store].discard(key)
            if self.dies_after():
                raise KilledError

    def _relocate(self, request: RequestRelocation) -> RelocationCompleted:
        copied_to = []
        for store in request.stores:
            for move in request.moves:
                held = self.stored[store]
                if move.target_key not in held and move.source_key not in held:
                    break
                self._add(store, move.target_key)
            else:
                copied_to.append(store)
        shared = request.model_dump(include={"media_id", "user_id", "chat_message_id", "run"})
        return RelocationCompleted(
            **shared, moves=request.moves, stores=request.stores, copied_to=tuple(copied_to), s3=request.s3
        )

    def _apply(self, request: RequestWatermark) -> WatermarkApplied:
        shared: dict[str, Any] = {
            name: getattr(request, name)
            for name in ("media_id", "job_id", "user_id", "parent_job_id", "source")
        }
        if request.source.key not in self.stored[request.source.store]:
            return WatermarkApplied(
                **shared, variants=(), stored_in=request.recipe.stores, code="source_missing"
            )
        made = []
        for name, media_type in _products(request.recipe):
            key = f"{request.variant_prefix}_{name}.bin"
            for store in request.recipe.stores:
                self._add(store, key)
            product = ObjectRef(key=key, size_bytes=7, sha256="2" * 64, media_type=media_type)
            is_marked = request.recipe.marks(name)
            made.append(
                ProducedVariant(name=name, object=product, width=40, height=30, watermarked=is_marked)
            )
        return WatermarkApplied(**shared, variants=tuple(made), stored_in=request.recipe.stores)

    def _sync(self, request: RequestSync) -> SyncCompleted:
        item = request.items[0]
        keys = [each.key for each in item.objects]
        missing: Sequence[str] = ()
        match request.operation:
            case "upload_to_s3":
                missing = self._copy(keys, "local", "s3")
            case "download_from_s3":
                missing = self._copy(keys, "s3", "local")
            case "delete_local":
                missing = [key for key in keys if key not in self.stored["s3"]]
                self._discard("local", [] if missing else keys)
            case "delete_s3":
                self._discard("s3", keys)
        code = "last_copy" if request.operation == "delete_local" else "source_missing"
        shared = request.model_dump(
            include={"sync_job_id", "run", "requested_at", "operation", "delete_source"}
        )
        return SyncCompleted(
            **shared,
            status="failed" if missing else "completed",
            processed_files=0,
            processed_bytes=0,
            done=() if missing else (item.media_id,),
            failures=tuple(
                SyncFailure(media_id=item.media_id, key=key, code=code, detail="") for key in missing
            ),
        )

    def _copy(self, keys: Sequence[str], source: Store, target: Store) -> Sequence[str]:
        missing = [key for key in keys if key not in self.stored[source]]
        for key in keys:
            if key not in missing:
                self._add(target, key)
        return missing


def _products(recipe: Recipe) -> Iterator[tuple[str, str]]:
    """Yield name and type of everything that a worker makes."""
    for spec in recipe.variants:
        yield spec.name, f"image/{spec.format}"
    if recipe.video is not None:
        for rendition in recipe.video.renditions:
            yield rendition.name, "video/mp4"
            yield f"hls_{rendition.name}_data", "video/mp4"
            yield f"hls_{rendition.name}", PLAYLIST_TYPE
        yield "hls", PLAYLIST_TYPE
