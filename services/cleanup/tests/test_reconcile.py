"""What stores hold and what rows say is compared on a real S3 server, and mended only on request."""

import hashlib
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import insert, update

from mediamill_catalog.core import MEDIA, SYNC_JOBS, VARIANTS
from mediamill_catalog.operator_tables import SyncItem, SyncJob
from mediamill_catalog.settings import PlatformSettings
from mediamill_catalog.tables import MediaStatus, StorageStatus, utc_now
from mediamill_cleanup.duty import Run
from mediamill_cleanup.premises import Premises
from mediamill_cleanup.reconciliation import reconcile as reconciling
from mediamill_cleanup.reconciliation.missing import INCOMPLETE, LOST
from mediamill_cleanup.reconciliation.reconcile import reconcile
from mediamill_cleanup.reconciliation.scope import Scope
from mediamill_cleanup.reconciliation.unnamed import FOREIGN, ORPHANS, UNCLAIMED
from mediamill_cleanup.report import Report
from mediamill_contracts.ids import new_id
from mediamill_contracts.storage import S3Location
from mediamill_contracts.sync import RequestSync
from mediamill_storage import keys
from mediamill_storage.object_store import ObjectStore
from mediamill_storage.s3 import S3Credentials
from mediamill_storage.s3.stores import S3Stores

from .conftest import DAY, NOW, Bench

SHA256 = "ab" * 32
WEBP = "image/webp"


@dataclass
class Installation:
    """Both stores and the rows. S3 dates objects itself, so the present is two days from now."""

    bench: Bench
    premises: Premises
    platform: PlatformSettings

    @property
    def local(self) -> ObjectStore:
        """The local store."""
        return self.premises.stores()["local"]

    @property
    def s3(self) -> ObjectStore:
        """The bucket."""
        return self.premises.stores()["s3"]

    async def medium(self, *stores: ObjectStore, **values: Any) -> tuple[UUID, str, str]:
        """Insert a READY medium with one variant and put its objects into stores; return id and keys."""
        media_id = new_id()
        prefix = keys.permanent_prefix(media_id, SHA256, NOW)
        original, variant = keys.original_key(prefix, "image/jpeg"), keys.variant_key(prefix, "thumb", WEBP)
        defaults: dict[str, Any] = {"sha256": SHA256, "created_at": NOW, "storage_strategy": "both"}
        await self.bench.medium(media_id=media_id, key=original, **(defaults | values))
        row = {"media_id": media_id, "name": "thumb", "key": variant, "media_type": WEBP}
        sizes = {"width": 1, "height": 1, "frames": 1, "size_bytes": 6, "sha256": SHA256}
        async with self.bench.database.write() as session:
            await session.execute(insert(VARIANTS), [row | sizes])
        for store in stores:
            for key in (original, variant):
                await put(store, key)
        return media_id, original, variant

    async def compare(self, *, mend: bool = False, only: str | None = None) -> Report:
        """Reconcile."""
        stores = {name: store for name, store in self.premises.stores().items() if only in (None, name)}
        run = Run(utc_now() + 2 * DAY, dry_run=not mend)
        return await reconcile(Scope(self.premises, self.platform, stores, run))

    async def asked(self) -> list[tuple[str, UUID, set[str]]]:
        """Return operation, medium and keys of each transfer that was asked for."""
        return [
            (each.operation, item.media_id, {ref.key for ref in item.objects})
            for each in await self.bench.emitted(RequestSync)
            for item in each.items
        ]


@pytest.fixture
async def site(
    bench: Bench, s3_location: S3Location, s3_credentials: S3Credentials
) -> AsyncIterator[Installation]:
    """Give an empty installation with S3."""
    stores = S3Stores(s3_credentials, endpoint=s3_location.endpoint)
    platform = PlatformSettings(
        s3_enabled=True, s3_bucket=s3_location.bucket, s3_endpoint=s3_location.endpoint
    )
    yield Installation(bench, replace(bench.premises, s3=stores, location=lambda: s3_location), platform)
    await stores.close()


async def test_what_fits_is_no_finding(site: Installation) -> None:
    """Media in either store or both, in the trash, waiting, refused: all objects have their row."""
    bench = site.bench
    await site.medium(site.local, site.s3, storage_status=StorageStatus.BOTH)
    await site.medium(site.s3, storage_status=StorageStatus.S3)
    await site.medium(site.local, deleted_at=NOW)
    pending = await bench.find(await bench.medium(MediaStatus.PENDING))
    await put(site.s3, pending.original_key)
    refused = new_id()
    await bench.medium(MediaStatus.FAILED, media_id=refused, key=keys.quarantine_key(refused))
    await put(site.local, keys.quarantine_key(refused))
    report = await site.compare(mend=True)
    assert report.as_dict()["counts"] == {}
    assert await site.asked() == []


async def test_orphans_are_listed_and_go_only_on_request(site: Installation) -> None:
    """In both stores, under each prefix; neither what is young nor what is in another folder is touched."""
    orphan = f"permanent/2026/05/unlinked/{hashlib.sha256(b'gone').hexdigest()[:40]}.jpg"
    lost = {"temp/user-1/gone.jpg", "failed/gone.quarantine", orphan, orphan.replace(".jpg", "_thumb.webp")}
    for key in lost:
        await put(site.local, key)
        await put(site.s3, key)
    foreign, elsewhere = "permanent/readme.txt", "backups/of/somebody.tar"
    for key in (foreign, elsewhere):
        await put(site.s3, key)
    young = await site.bench.put("temp/user-1/young.jpg")
    moment = (utc_now() + 1.5 * DAY).timestamp()
    os.utime(site.bench.root / young, (moment, moment))

    looked = await site.compare()
    assert looked.counts == {ORPHANS: 8, FOREIGN: 1}
    assert set(looked.named[ORPHANS]) == {f"{store} {key}" for store in ("local", "s3") for key in lost}
    assert await site.bench.stored(site.s3) == lost | {foreign, elsewhere}

    assert (await site.compare(mend=True, only="local")).counts[ORPHANS] == 4
    assert await site.bench.stored() == {young}
    assert (await site.compare(mend=True)).counts[ORPHANS] == 4
    assert await site.bench.stored(site.s3) == {foreign, elsewhere}


async def test_what_is_in_work_is_never_judged(site: Installation) -> None:
    """Bytes moved before the row says so, variants before their record, a purge that is under way."""
    waiting = await site.bench.medium(MediaStatus.CONFIRMED, sha256=SHA256, created_at=NOW)
    prefix = keys.permanent_prefix(waiting, SHA256, NOW)
    await put(site.local, keys.original_key(prefix, "image/jpeg"))
    await put(site.s3, keys.variant_key(prefix, "large", WEBP))
    await site.medium(site.local, site.s3, purge_requested_at=NOW, deleted_at=NOW)
    await site.medium(removing="local", storage_status=StorageStatus.S3)
    before = (await site.bench.stored(), await site.bench.stored(site.s3))
    report = await site.compare(mend=True)
    assert report.as_dict()["counts"] == {}
    assert (await site.bench.stored(), await site.bench.stored(site.s3)) == before
    assert await site.asked() == []


async def test_a_copy_that_nobody_claims_is_removed_by_its_worker(site: Installation) -> None:
    """The row refuses to claim the store until that is done, so that no transfer counts on the copy."""
    media_id, original, _ = await site.medium(site.local, storage_strategy="local_only")
    await put(site.s3, original)
    assert (await site.compare()).named == {UNCLAIMED: [f"s3 {original}"]}
    assert await site.asked() == []
    await site.compare(mend=True)
    assert await site.asked() == [("delete_s3", media_id, {original})]
    row = await site.bench.find(media_id)
    assert (row.storage_status, row.removing) == (StorageStatus.LOCAL, "s3")


async def test_a_copy_that_somebody_waits_for_is_left(site: Installation) -> None:
    """Its strategy wants it there, or a transfer that an operator asked for has not ended."""
    await site.medium(site.local, site.s3, storage_strategy="both")
    awaited, _, _ = await site.medium(site.local, site.s3, storage_strategy="local_only")
    job = SyncJob(id=new_id(), operation="upload_to_s3", requested_by="somebody")
    async with site.bench.database.write() as session:
        session.add(job)
        await session.flush()
        session.add(SyncItem(job_id=job.id, media_id=awaited, files=2, size_bytes=12))
    assert (await site.compare(mend=True)).as_dict()["counts"] == {}
    async with site.bench.database.write() as session:
        await session.execute(update(SYNC_JOBS).values(finished_at=NOW))
    assert (await site.compare()).counts == {UNCLAIMED: 2}


async def test_what_one_store_misses_is_copied_from_the_other(site: Installation) -> None:
    """Where its strategy wants both it is copied again; where it does not, the claim is given up."""
    wanted, _, variant = await site.medium(site.local, site.s3, storage_status=StorageStatus.BOTH)
    await site.local.delete(variant)
    other, original, _ = await site.medium(
        site.local, site.s3, storage_status=StorageStatus.BOTH, storage_strategy="local_only"
    )
    await site.s3.delete(original)
    looked = await site.compare()
    assert set(looked.named[INCOMPLETE]) == {f"{wanted} local", f"{other} s3"}
    assert await site.asked() == []
    await site.compare(mend=True)
    asked = {operation: media_id for operation, media_id, _ in await site.asked()}
    assert asked == {"download_from_s3": wanted, "delete_s3": other}
    assert (await site.bench.find(wanted)).storage_status == StorageStatus.BOTH
    assert (await site.bench.find(other)).storage_status == StorageStatus.LOCAL


async def test_what_is_lost_is_told_and_left_for_a_backup(site: Installation) -> None:
    """No store has it: the row stays as it is, so that restoring the files makes it whole again."""
    media_id, original, _ = await site.medium(site.local)
    await site.local.delete(original)
    report = await site.compare(mend=True)
    assert report.named == {LOST: [f"{media_id} local: {original}"]}
    assert (await site.bench.find(media_id)).status == MediaStatus.READY
    await put(site.local, original)
    assert (await site.compare(mend=True)).as_dict()["counts"] == {}


async def test_a_row_that_changed_a_moment_ago_is_left(site: Installation) -> None:
    """Whoever changed it within a day may not be done with it."""
    media_id, original, _ = await site.medium(site.local)
    await site.local.delete(original)
    async with site.bench.database.write() as session:
        await session.execute(
            update(MEDIA).where(MEDIA.c.id == media_id).values(updated_at=utc_now() + timedelta(days=1.5))
        )
    assert (await site.compare(mend=True)).as_dict()["counts"] == {}


async def test_many_are_compared_a_page_at_a_time(
    site: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With pages of two, each medium and each orphan among a dozen is found exactly once."""
    monkeypatch.setattr(reconciling, "BATCH", 2)
    for _ in range(5):
        await site.medium(site.local)
    for number in range(7):
        await put(site.local, f"failed/{number}.quarantine")
    assert (await site.compare()).counts == {ORPHANS: 7}


async def put(store: ObjectStore, key: str) -> None:
    """Store six bytes."""

    async def chunks() -> AsyncIterator[bytes]:
        yield b"pixels"

    await store.put_stream(key, chunks(), media_type="image/jpeg")
