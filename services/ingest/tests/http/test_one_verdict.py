"""Every bad file through every way into the system: the verdict is the same, whatever the way."""

from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import select

from mediamill_catalog.recipes import RecipeBook
from mediamill_catalog.tables import utc_now
from mediamill_contracts.ids import new_id
from mediamill_contracts.media import MediaAccepted, MediaRejected, MediaUploaded, StagedObject
from mediamill_contracts.recipe import Limits, Store
from mediamill_ingest import part_plan
from mediamill_ingest.usecases.admit_upload import Admission, admit_upload
from mediamill_outbox.tables import outbox
from mediamill_storage.keys import staged_key
from mediamill_testing.photos import HostileFile, PhotoCorpus
from mediamill_testing.photos.hostile import HOSTILE

from .cloud import CloudApi

ACCEPTED = "accepted"
Way = Callable[[CloudApi, HostileFile], Awaitable[str]]


async def by_form(cloud: CloudApi, file: HostileFile) -> str:
    """Upload a form with the one file."""
    content = file.path.read_bytes()
    answer = await cloud.api.upload(content=content, name=file.file_name, declared=file.declared_type)
    return ACCEPTED if answer.status_code == 202 else str(answer.json()["code"])


async def by_bulk_form(cloud: CloudApi, file: HostileFile) -> str:
    """Upload a form with many files, of which this is one."""
    files = [
        ("files", ("good.jpg", cloud.api.photo, "image/jpeg")),
        ("files", (file.file_name, file.path.read_bytes(), file.declared_type)),
    ]
    answer = await cloud.api.client.post("/api/media/bulk", files=files, headers=cloud.api.as_user())
    rejected = answer.json()["rejected"]
    return str(rejected[0]["code"]) if rejected else ACCEPTED


async def by_staged_key(cloud: CloudApi, file: HostileFile) -> str:
    """Upload in bulk what was staged before."""
    key = staged_key("user-1", new_id(), "jpg")
    await put_locally(cloud, key, file)
    wanted = {"files": [{"key": key, "mimeType": file.declared_type}]}
    answer = await cloud.api.client.post("/api/media/bulk", json=wanted, headers=cloud.api.as_user())
    rejected = answer.json()["rejected"]
    return str(rejected[0]["code"]) if rejected else ACCEPTED


async def by_gateway(cloud: CloudApi, file: HostileFile) -> str:
    """Let a gateway stage it in the folder and announce it."""
    return await _by_announcement(cloud, file, "local")


async def by_gateway_in_s3(cloud: CloudApi, file: HostileFile) -> str:
    """Let a gateway stage it in S3 and announce it."""
    return await _by_announcement(cloud, file, "s3")


async def by_presigned_put(cloud: CloudApi, file: HostileFile) -> str:
    """Send it to S3, and confirm."""
    content = file.path.read_bytes()
    answer = await cloud.upload(content, declared=file.declared_type, name=file.file_name)
    return ACCEPTED if answer.status_code == 200 else str(answer.json()["code"])


async def by_presigned_parts(cloud: CloudApi, file: HostileFile) -> str:
    """Send it to S3 in parts, however small it is, and confirm."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(part_plan, "MULTIPART_FROM_BYTES", 1)
        return await by_presigned_put(cloud, file)


WAYS: tuple[Way, ...] = (
    by_form,
    by_bulk_form,
    by_staged_key,
    by_gateway,
    by_gateway_in_s3,
    by_presigned_put,
    by_presigned_parts,
)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("name", [blueprint.name for blueprint in HOSTILE])
async def test_the_verdict_is_the_same(cloud: CloudApi, photo_corpus: PhotoCorpus, name: str) -> None:
    """A file that its bytes give away gets its code on each way; others pass to the decoders on each."""
    file = photo_corpus.hostile(name)
    expected = file.code if file.refused_by == "upload" else ACCEPTED
    verdicts = {way.__name__: await way(cloud, file) for way in WAYS}
    assert verdicts == {way.__name__: expected for way in WAYS}


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_a_good_file_passes(cloud: CloudApi, photo_corpus: PhotoCorpus) -> None:
    """The ways are no dead ends."""
    photo = photo_corpus.photo("jpeg_baseline.jpg")
    good = HostileFile("good", photo.path, "good.jpg", "image/jpeg", ACCEPTED, "processing")
    assert {await way(cloud, good) for way in WAYS} == {ACCEPTED}


async def _by_announcement(cloud: CloudApi, file: HostileFile, store: Store) -> str:
    media_id = new_id()
    key = staged_key("user-1", media_id, "jpg")
    await (put_locally(cloud, key, file) if store == "local" else cloud.put(key, file.path.read_bytes()))
    announcement = MediaUploaded(
        media_id=media_id,
        job_id=new_id(),
        user_id="user-1",
        staged=StagedObject(store=store, key=key, size_bytes=file.path.stat().st_size),
        file_name=file.file_name,
        declared_type=file.declared_type,
        uploaded_at=utc_now(),
    )
    parts = cloud.api.parts
    recipes = RecipeBook(parts.stores.settings, Limits())
    await admit_upload(Admission(parts.database, parts.stores, parts.policy, recipes), announcement)
    async with parts.database.read() as session:
        found = await session.execute(
            select(outbox.c.type, outbox.c.payload).where(
                outbox.c.type.in_([MediaAccepted.wire_name, MediaRejected.wire_name])
            )
        )
        outcomes = {row.type: row.payload for row in found if str(media_id).encode() in row.payload}
    if MediaAccepted.wire_name in outcomes:
        return ACCEPTED
    return MediaRejected.model_validate_json(outcomes[MediaRejected.wire_name]).code


async def put_locally(cloud: CloudApi, key: str, file: HostileFile) -> None:
    """Stage a file in the folder, as a gateway does."""
    new = cloud.api.parts.store.new_file()
    new.write(file.path.read_bytes())
    await cloud.api.parts.store.commit_file(new, key)
