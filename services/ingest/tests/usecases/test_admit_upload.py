"""Admission: what is moved, what is refused, and that any step may run twice or be cut off."""

import asyncio
import hashlib
from datetime import timedelta
from pathlib import Path

import pytest

from mediamill_catalog.job_messages import accepted_medium, uploaded_medium
from mediamill_catalog.tables import JobStatus, MediaStatus, utc_now
from mediamill_contracts.ids import new_id
from mediamill_contracts.media import MediaAccepted, MediaRejected, MediaUploaded, StagedObject
from mediamill_ingest.usecases.admit_upload import admit_upload
from mediamill_ingest.usecases.cancel_job import cancel_job
from mediamill_messaging.errors import PermanentError
from mediamill_storage.object_store import ObjectNotFoundError
from mediamill_testing.photos import PhotoCorpus
from mediamill_testing.photos.hostile import HOSTILE

from .conftest import PHOTO, USER, Workbench, dying_at_commit

REFUSED_AT_THE_DOOR = [file.name for file in HOSTILE if file.refused_by == "upload"]


@pytest.fixture(scope="session")
def photo(photo_corpus: PhotoCorpus) -> bytes:
    """Return the bytes of a good JPEG."""
    jpeg = photo_corpus.photos(1, accept=lambda kind: kind == "image/jpeg")[0]
    return jpeg.path.read_bytes()


async def test_own_upload_is_moved_and_handed_to_a_worker(bench: Workbench) -> None:
    """The original lies under its permanent key, and the worker is told where and what to make."""
    accepted = await bench.admitted()
    assert await bench.stored() == {accepted.source.key}
    assert accepted.source.key.startswith("permanent/")
    assert (await bench.medium(accepted.media_id)).original_key == accepted.source.key
    assert [variant.name for variant in accepted.recipe.variants] == ["large", "medium", "thumb"]
    assert accepted.routing_key == "media.accepted.image.interactive"


async def test_rows_tell_the_messages_again(bench: Workbench) -> None:
    """What is written from the rows, where a message was lost, is that message, id and all."""
    taken_in = await bench.accept()
    first, job = await bench.last(MediaUploaded), await bench.job(taken_in.job_id)
    again = uploaded_medium(
        await bench.medium(first.media_id), job.id, store="local", uploaded_at=job.created_at
    )
    assert (again, again.message_id()) == (first, first.message_id())
    await admit_upload(bench.admission, again)
    order = await bench.last(MediaAccepted)
    row = await bench.medium(first.media_id)
    repeated = accepted_medium(row, job.id, store="local", original_key=row.original_key, recipe=order.recipe)
    assert (repeated, repeated.message_id()) == (order, order.message_id())


async def test_admitting_again_changes_nothing(bench: Workbench) -> None:
    """A second delivery, at once or later, hands out no second job."""
    await bench.accept()
    event = await bench.last(MediaUploaded)
    await asyncio.gather(*(admit_upload(bench.admission, event) for _ in range(4)))
    await admit_upload(bench.admission, event)
    assert len(await bench.emitted(MediaAccepted)) == 1
    assert len(await bench.stored()) == 1


async def test_death_between_move_and_commit_is_made_good(bench: Workbench) -> None:
    """When the bytes were moved but the row was not changed, the next delivery finishes the work."""
    await bench.accept()
    event = await bench.last(MediaUploaded)
    with dying_at_commit(), pytest.raises(ConnectionError):
        await admit_upload(bench.admission, event)
    assert event.staged.key not in await bench.stored()
    assert await bench.emitted(MediaAccepted) == []
    await admit_upload(bench.admission, event)
    assert {sent.source.key for sent in await bench.emitted(MediaAccepted)} == await bench.stored()


async def test_death_between_quarantine_and_commit_is_made_good(
    bench: Workbench, photo_corpus: PhotoCorpus
) -> None:
    """When bad bytes were moved but the verdict was not sent, the next delivery finds the same verdict."""
    event = await bench.announce(photo_corpus.hostile("elf").path.read_bytes())
    with dying_at_commit(after=1), pytest.raises(ConnectionError):
        await admit_upload(bench.admission, event)
    assert event.staged.key not in await bench.stored()
    await admit_upload(bench.admission, event)
    assert [verdict.code for verdict in await bench.emitted(MediaRejected)] == ["executable_content"]


async def test_gateway_upload_goes_the_same_way(bench: Workbench, photo: bytes) -> None:
    """Bytes that a gateway staged are read, recognised, moved and handed to a worker."""
    event = await bench.announce(photo, lane="bulk", entity_type="avatar")
    await admit_upload(bench.admission, event)
    accepted = await bench.last(MediaAccepted)
    medium = await bench.medium(event.media_id)
    assert (medium.media_type, medium.size_bytes) == ("image/jpeg", len(photo))
    assert accepted.routing_key == "media.accepted.image.bulk"
    assert (accepted.entity_type, accepted.recipe.variants[0].fit) == ("avatar", "cover")
    assert await bench.happenings(event.media_id) == ["media.uploaded", "media.accepted"]
    assert await bench.stored() == {accepted.source.key}


async def test_two_deliveries_of_a_gateway_upload_at_once(bench: Workbench, photo: bytes) -> None:
    """Both may register, look and move; one medium, one job and one order for a worker come of it."""
    event = await bench.announce(photo)
    await asyncio.gather(*(admit_upload(bench.admission, event) for _ in range(4)))
    assert len(await bench.emitted(MediaAccepted)) == 1
    assert await bench.emitted(MediaRejected) == []


@pytest.mark.parametrize("name", REFUSED_AT_THE_DOOR)
async def test_bad_file_of_a_gateway_gets_the_code_it_gets_over_http(
    bench: Workbench, photo_corpus: PhotoCorpus, name: str
) -> None:
    """Each bad file ends in quarantine with its code, however often the message comes."""
    bad = photo_corpus.hostile(name)
    event = await bench.announce(bad.path.read_bytes(), declared_type=bad.declared_type)
    await admit_upload(bench.admission, event)
    await admit_upload(bench.admission, event)
    verdicts = await bench.emitted(MediaRejected)
    assert {verdict.code for verdict in verdicts} == {bad.code}
    assert {verdict.quarantine_key for verdict in verdicts} == await bench.stored()
    assert {verdict.message_id() for verdict in verdicts} == {verdicts[0].message_id()}
    assert await bench.emitted(MediaAccepted) == []


async def test_gateway_that_lies_about_size_or_digest(bench: Workbench, photo: bytes) -> None:
    """What was announced must be what is there, byte for byte."""
    short = await bench.announce(photo)
    short = short.model_copy(update={"staged": StagedObject(key=short.staged.key, size_bytes=5)})
    other = await bench.announce(photo)
    staged = StagedObject(key=other.staged.key, size_bytes=len(photo), sha256="0" * 64)
    other = other.model_copy(update={"staged": staged})
    await admit_upload(bench.admission, short)
    await admit_upload(bench.admission, other)
    codes = [verdict.code for verdict in await bench.emitted(MediaRejected)]
    assert codes == ["size_mismatch", "checksum_mismatch"]


@pytest.mark.parametrize(
    "key", ["temp/user-2/x.jpg", "permanent/2026/01/x.jpg", f"temp/{USER}/../user-2/x.jpg"]
)
async def test_gateway_may_not_touch_what_is_not_the_senders(
    bench: Workbench, photo: bytes, key: str
) -> None:
    """Keys outside of the sender's staging folder are refused before anything is read or moved."""
    event = await bench.announce(photo)
    before = await bench.stored()
    stolen = event.model_copy(update={"staged": StagedObject(key=key, size_bytes=len(photo))})
    with pytest.raises(PermanentError, match="foreign_key"):
        await admit_upload(bench.admission, stolen)
    assert await bench.stored() == before


async def test_link_out_of_the_store_is_not_followed(bench: Workbench, tmp_path: Path) -> None:
    """A gateway that stages a symbolic link does not get the server's own files published."""
    event = await bench.announce(b"x")
    secret = tmp_path / "secret.jpg"
    await asyncio.to_thread(secret.write_bytes, PHOTO)
    staged = tmp_path / "store" / event.staged.key
    await asyncio.to_thread(staged.unlink)
    await asyncio.to_thread(staged.symlink_to, secret)
    with pytest.raises(PermanentError, match="foreign_key"):
        await admit_upload(bench.admission, event)
    assert secret.exists()
    assert await bench.emitted(MediaAccepted) == []


async def test_ids_of_others_are_refused(bench: Workbench, photo: bytes) -> None:
    """A gateway cannot take over another user's medium, nor attach an upload to another's job."""
    victim = await bench.accept()
    attack = await bench.announce(photo, user_id="user-2")
    with pytest.raises(PermanentError, match="id_taken"):
        await admit_upload(bench.admission, attack.model_copy(update={"media_id": victim.media_id}))
    with pytest.raises(PermanentError, match="id_taken"):
        await admit_upload(bench.admission, attack.model_copy(update={"job_id": victim.job_id}))
    assert (await bench.medium(victim.media_id)).user_id == USER
    assert (await bench.job(victim.job_id)).status == JobStatus.WAITING


async def test_bytes_may_come_late_but_not_never(bench: Workbench) -> None:
    """Missing bytes are waited for by retrying; after the grace time the upload is refused."""
    event = await bench.announce(None)
    with pytest.raises(ObjectNotFoundError):
        await admit_upload(bench.admission, event)
    assert (await bench.job(event.job_id)).status == JobStatus.WAITING
    await admit_upload(bench.impatient(), event)
    verdict = await bench.last(MediaRejected)
    assert (verdict.code, verdict.quarantine_key) == ("object_missing", None)


async def test_cancelled_upload_is_not_admitted(bench: Workbench) -> None:
    """An upload that was cancelled while it waited is removed, and no worker hears of it."""
    accepted = await bench.accept()
    event = await bench.last(MediaUploaded)
    assert await cancel_job(bench.database, accepted.job_id, actor=USER, settings=bench.stores.settings())
    await admit_upload(bench.admission, event)
    assert await bench.stored() == set()
    assert await bench.emitted(MediaAccepted) == []
    medium = await bench.medium(accepted.media_id)
    assert (medium.status, medium.original_key) == (MediaStatus.FAILED, None)


async def test_changed_bytes_of_an_own_upload_are_noticed(bench: Workbench) -> None:
    """An own upload whose stored size is not the received one is refused, not handed on."""
    await bench.accept()
    event = await bench.last(MediaUploaded)
    await bench.store.delete(event.staged.key)
    other_id, key = await bench.stage(PHOTO + b"!")
    await bench.store.move(key, event.staged.key)
    await admit_upload(bench.admission, event)
    assert (await bench.last(MediaRejected)).code == "size_mismatch"
    assert other_id != event.media_id


async def test_old_announcement_of_unknown_medium_is_still_an_upload(bench: Workbench, photo: bytes) -> None:
    """A message that waited long in the queue is admitted like a fresh one."""
    event = await bench.announce(photo, uploaded_at=utc_now() - timedelta(days=2), job_id=new_id())
    await admit_upload(bench.admission, event)
    assert (await bench.last(MediaAccepted)).media_id == event.media_id


_COLLISION = [
    bytes.fromhex(
        "d131dd02c5e6eec4693d9a0698aff95c2fcab58712467eab4004583eb8fb7f89"
        "55ad340609f4b30283e488832571415a085125e8f7cdc99fd91dbdf280373c5b"
        "d8823e3156348f5bae6dacd436c919c6dd53e2b487da03fd02396306d248cda0"
        "e99f33420f577ee8ce54b67080a80d1ec69821bcb6a8839396f9652b6ff72a70"
    ),
    bytes.fromhex(
        "d131dd02c5e6eec4693d9a0698aff95c2fcab50712467eab4004583eb8fb7f89"
        "55ad340609f4b30283e4888325f1415a085125e8f7cdc99fd91dbd7280373c5b"
        "d8823e3156348f5bae6dacd436c919c6dd53e23487da03fd02396306d248cda0"
        "e99f33420f577ee8ce54b67080280d1ec69821bcb6a8839396f965ab6ff72a70"
    ),
]
"""Two contents with the same MD5 (Wang and Yu, 2005, https://eprint.iacr.org/2004/199)."""


async def test_two_files_with_the_same_md5_are_both_kept(bench: Workbench) -> None:
    """Neither takes the other's place: objects are told apart by SHA-256 and by whose they are."""
    assert len({hashlib.md5(content, usedforsecurity=False).digest() for content in _COLLISION}) == 1
    for content in _COLLISION:
        await bench.accept(content)
    originals = []
    for event in await bench.emitted(MediaUploaded):
        await admit_upload(bench.admission, event)
        key = (await bench.medium(event.media_id)).original_key
        originals.append(b"".join([chunk async for chunk in bench.store.read(key)]))
    assert originals == _COLLISION
