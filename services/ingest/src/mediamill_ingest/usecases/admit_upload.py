"""Admission: staged bytes, whoever received them, become an original that a worker may process.

Every step may run twice or be cut off anywhere. What guards the outcome is the medium's row itself: the bytes
are moved to a key that follows from the row alone, and the row changes from the staged key to that key once.
"""

import re
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any

from sqlalchemy import Row

from mediamill_catalog import media
from mediamill_catalog.examinations import Examination
from mediamill_catalog.job_messages import accepted_medium
from mediamill_catalog.recipes import RecipeBook
from mediamill_catalog.tables import UploadMethod, utc_now
from mediamill_contracts.media import MediaRejected, MediaUploaded
from mediamill_database import Database
from mediamill_ingest.admission_records import AdmissionRecords
from mediamill_ingest.current_stores import CurrentStores
from mediamill_ingest.discarding import drop_unwanted_original
from mediamill_ingest.examination import Examined
from mediamill_ingest.metrics import count_refused
from mediamill_ingest.registration import MediaPurgedError, kind_of
from mediamill_ingest.staged_bytes import CloudBytes, FolderBytes, StagedBytes
from mediamill_ingest.work_orders import WorkOrders
from mediamill_messaging.errors import PermanentError
from mediamill_outbox import emit
from mediamill_storage import keys
from mediamill_storage.inspection import AcceptancePolicy, RefusedFileError
from mediamill_storage.object_store import ObjectNotFoundError
from mediamill_storage.rooted_paths import UnsafeKeyError
from mediamill_storage.stores import StoreNotConfiguredError

_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class Admission:
    """What admission works with; `late_seconds` is how long announced bytes may take to appear."""

    database: Database
    stores: CurrentStores
    policy: AcceptancePolicy
    recipes: RecipeBook
    late_seconds: float = 30

    @cached_property
    def orders(self) -> WorkOrders:
        """Where admitted uploads go."""
        return WorkOrders(self.database)

    @cached_property
    def records(self) -> AdmissionRecords:
        """What is known of uploads before they are admitted."""
        return AdmissionRecords(self.database)


async def admit_upload(admission: Admission, event: MediaUploaded) -> None:
    """Check, move and announce one upload; refuse it with `media.rejected` when the bytes are bad.

    Raises PermanentError(`foreign_key`) for bytes outside of the sender's own staging folder and
    PermanentError(`id_taken`) for ids that belong to others; ObjectNotFoundError while late bytes may come.
    """
    _check_sender(event)
    try:
        medium = await _find_or_register(admission, event)
    except MediaPurgedError:
        await _drop(admission, event, event.staged.key)
        return
    staged = _staged_bytes(admission.stores, event, medium)
    if medium.original_key != event.staged.key:
        await _forget_leftovers(admission, staged, event)
        return
    if medium.status not in media.OPEN:
        await _drop(admission, event, event.staged.key)
        return
    try:
        if not await staged.is_known(medium, _original_key(medium)):
            medium = await _examine(admission, staged, event)
        await _accept(admission, staged, event, medium)
    except RefusedFileError as refusal:
        await _refuse(admission, staged, event, refusal.code, refusal.detail)
    except UnsafeKeyError as error:
        raise PermanentError("foreign_key", "The bytes are not in the sender's staging folder.") from error
    except ObjectNotFoundError:
        if utc_now() - event.uploaded_at < timedelta(seconds=admission.late_seconds):
            raise
        await _refuse(admission, staged, event, "object_missing", "The uploaded bytes never arrived.")


def _check_sender(event: MediaUploaded) -> None:
    folder = keys.staged_prefix(event.user_id)
    key = event.staged.key
    if not key.startswith(folder) or not _FILE_NAME.fullmatch(key.removeprefix(folder)):
        raise PermanentError("foreign_key", "The bytes are not in the sender's staging folder.")


def _staged_bytes(stores: CurrentStores, event: MediaUploaded, medium: Row[Any]) -> StagedBytes:
    """Return where the bytes are; what was confirmed by its owner has been sealed then."""
    if event.staged.store == "local":
        return FolderBytes(stores.local, event)
    try:
        return CloudBytes(stores.cloud(), event, sealed=medium.upload_method == UploadMethod.PRESIGNED)
    except StoreNotConfiguredError as error:
        raise PermanentError("unknown_store", "S3 is not connected.") from error


async def _forget_leftovers(admission: Admission, staged: StagedBytes, event: MediaUploaded) -> None:
    """Remove what an earlier delivery left when it was cut off after its commit."""
    async with admission.database.read() as session:
        needed = await media.holds_original(session, event.staged.key)
    if staged.place == "s3" and not needed:
        await staged.let_go()


async def _drop(admission: Admission, event: MediaUploaded, key: str) -> None:
    """Remove bytes, wherever they were staged, unless somebody still waits for them."""
    await drop_unwanted_original(admission.database, admission.stores, event, event.staged.store, key)


async def _find_or_register(admission: Admission, event: MediaUploaded) -> Row[Any]:
    medium = await admission.records.find(event.media_id)
    if medium is None:
        medium = await admission.records.enter(event, await _first_look(admission, event))
    if medium is None or medium.user_id != event.user_id:
        raise PermanentError("id_taken", "The media id belongs to another user.")
    return medium


async def _first_look(admission: Admission, event: MediaUploaded) -> Examined | None:
    """Look at the bytes before there is a row, so that one transaction makes it and says what they are.

    None leaves that to the steps that follow the row: for what is far away, missing or to be refused.
    """
    if event.staged.store != "local":
        return None
    try:
        return await FolderBytes(admission.stores.local, event).examine(admission.policy)
    except (RefusedFileError, ObjectNotFoundError, UnsafeKeyError):
        return None


async def _examine(admission: Admission, staged: StagedBytes, event: MediaUploaded) -> Row[Any]:
    """Look at bytes that others received, write down what they are, and return the row that says so.

    They may be gone because another delivery of the message is ahead.
    """
    try:
        found = await staged.examine(admission.policy)
    except ObjectNotFoundError:
        async with admission.database.read() as session:
            medium = await media.find(session, event.media_id)
        if medium is None or medium.sha256 is None:
            raise
        return medium
    kind = kind_of(found.media_type)
    medium = await admission.records.note(
        Examination(event.media_id, kind, found.media_type, found.size_bytes, found.sha256)
    )
    if medium is None or medium.sha256 is None:
        raise ObjectNotFoundError(event.staged.key)
    if medium.sha256 != found.sha256:
        raise RefusedFileError("checksum_mismatch", "the bytes changed while they were looked at")
    return medium


async def _accept(admission: Admission, staged: StagedBytes, event: MediaUploaded, medium: Row[Any]) -> None:
    original_key = _original_key(medium)
    if original_key is None:
        raise ObjectNotFoundError(event.staged.key)
    await staged.publish(original_key, medium)
    recipe = await admission.recipes.marked_recipe_for(
        admission.database, medium.entity_type, kind=medium.kind, source=staged.place
    )
    accepted = accepted_medium(
        medium, event.job_id, store=staged.place, original_key=original_key, recipe=recipe
    )
    if not await admission.orders.place(event.staged.key, accepted):
        await _drop(admission, event, original_key)
    await staged.let_go()


def _prefix(medium: Row[Any]) -> str:
    return keys.permanent_prefix(medium.id, medium.sha256, medium.created_at)


def _original_key(medium: Row[Any]) -> str | None:
    """Return where the original is going to be; None while nobody has hashed it."""
    return None if medium.sha256 is None else keys.original_key(_prefix(medium), medium.media_type)


async def _refuse(
    admission: Admission, staged: StagedBytes, event: MediaUploaded, code: str, detail: str
) -> None:
    """Put the bytes away and report the verdict, unless another delivery has settled the matter."""
    quarantine: str | None = keys.quarantine_key(event.media_id)
    try:
        await staged.put_away(keys.quarantine_key(event.media_id))
    except ObjectNotFoundError:
        quarantine = None
    rejected = MediaRejected(
        media_id=event.media_id,
        job_id=event.job_id,
        user_id=event.user_id,
        code=code,
        detail=detail,
        quarantine_key=quarantine,
        quarantine_store=staged.place,
    )
    async with admission.database.write() as session:
        medium = await media.find(session, event.media_id, lock=True)
        if medium is None or medium.status not in media.OPEN or medium.original_key != event.staged.key:
            return
        await emit(session, rejected)
    await staged.let_go()
    count_refused(code)
