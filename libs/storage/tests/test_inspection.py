"""The verdict on files: real ones, hostile ones, and those that only look hostile."""

import os
from pathlib import Path

import pytest

from mediamill_storage.inspection import (
    DEFAULT_ACCEPTED,
    INSPECTED_BYTES,
    AcceptancePolicy,
    RefusedFileError,
    inspect_file,
    inspect_head,
)
from mediamill_testing.photos import PhotoCorpus

EVERYTHING = AcceptancePolicy(accepted_types=DEFAULT_ACCEPTED | {"video/mp4", "video/quicktime"})


def _verdict(path: Path, declared_type: str | None, policy: AcceptancePolicy = EVERYTHING) -> str:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return inspect_file(descriptor, path.stat().st_size, declared_type, policy)
    finally:
        os.close(descriptor)


@pytest.mark.parametrize("file_name", PhotoCorpus.kinds)
def test_good_pictures_pass(photo_corpus: PhotoCorpus, file_name: str) -> None:
    """Every kind of good picture is recognised, declared or not."""
    photo = photo_corpus.photo(file_name)
    assert _verdict(photo.path, photo.media_type) == photo.media_type
    assert _verdict(photo.path, None) == photo.media_type


@pytest.mark.parametrize("name", PhotoCorpus.hostile_names)
def test_hostile_files_get_their_code(photo_corpus: PhotoCorpus, name: str) -> None:
    """What an upload can tell is refused with its code; what only a decoder can tell passes here."""
    hostile = photo_corpus.hostile(name)
    if hostile.refused_by == "processing":
        assert _verdict(hostile.path, hostile.declared_type) == hostile.declared_type
        return
    with pytest.raises(RefusedFileError) as refusal:
        _verdict(hostile.path, hostile.declared_type)
    assert refusal.value.code == hostile.code
    assert refusal.value.detail


@pytest.mark.parametrize(
    ("head", "code"),
    [
        (b"", "empty_file"),
        (b"\xcf\xfa\xed\xfe" + bytes(60), "executable_content"),
        (b"\xca\xfe\xba\xbe" + bytes(60), "executable_content"),
        (b"#!/usr/bin/env python\n", "executable_content"),
        (b"\xef\xbb\xbf  <!DOCTYPE html>", "active_content"),
        ("<html>".encode("utf-16"), "active_content"),
        (b"<?xml version='1.0'?><svg/>", "active_content"),
        (b"<?php system($_GET[0]);", "active_content"),
        (b"GIF89a/*" + bytes(40) + b"*/=1;<ScRiPt>alert(1)</script>", "active_content"),
        (b"\xff\xd8\xff\xfe\x00\x20<?php eval(1);?>" + bytes(40), "active_content"),
        (b"Rar!\x1a\x07\x01\x00", "unsupported_type"),
        (b"\x1a\x45\xdf\xa3" + bytes(20) + b"matroska", "unsupported_type"),
        (b"\0\0\0\x18ftypM4A \0\0\0\0isom", "unsupported_type"),
        (b"RIFF\x10\0\0\0WAVEfmt ", "unsupported_type"),
        (b"BM" + bytes(60), "unsupported_type"),
    ],
)
def test_the_first_bytes_are_enough(head: bytes, code: str) -> None:
    """What is certainly wrong is refused before the rest of it has arrived."""
    with pytest.raises(RefusedFileError) as refusal:
        inspect_head(head, None, EVERYTHING)
    assert refusal.value.code == code


@pytest.mark.parametrize(
    ("head", "media_type"),
    [
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1avif", "image/avif"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "image/heic"),
        (b"\0\0\0\x14ftypqt  \0\0\0\0qt  ", "video/quicktime"),
        (b"\0\0\0\x18ftypisom\0\0\0\0isomavc1", "video/mp4"),
        (b"\0\0\0\x08wide\0\0\0\0mdat", "video/quicktime"),
    ],
)
def test_relatives_are_told_apart(head: bytes, media_type: str) -> None:
    """Formats that share a container are told apart by their brands."""
    assert inspect_head(head, None, EVERYTHING) == media_type


@pytest.mark.parametrize("declared", ["image/jpg", "IMAGE/JPEG", "image/jpeg; charset=binary", "", None])
def test_other_names_of_a_type_are_no_lie(photo_corpus: PhotoCorpus, declared: str | None) -> None:
    """Senders that use an alias, or do not know the type, are not called liars."""
    photo = photo_corpus.photo("jpeg_orientation_1.jpg")
    assert _verdict(photo.path, declared) == "image/jpeg"


def test_a_type_that_is_switched_off_is_refused(photo_corpus: PhotoCorpus) -> None:
    """Settings decide which types are accepted."""
    photo = photo_corpus.photo("jpeg_orientation_1.jpg")
    with pytest.raises(RefusedFileError) as refusal:
        _verdict(photo.path, None, AcceptancePolicy(accepted_types={"image/png"}))
    assert refusal.value.code == "unsupported_type"


def test_size_limits_go_by_kind(photo_corpus: PhotoCorpus) -> None:
    """A picture above the limit for pictures is refused even when videos may be larger."""
    photo = photo_corpus.photo("jpeg_orientation_1.jpg")
    size = photo.path.stat().st_size
    policy = AcceptancePolicy(max_bytes={"image": size - 1, "video": 10**9})
    with pytest.raises(RefusedFileError) as refusal:
        _verdict(photo.path, None, policy)
    assert refusal.value.code == "too_large"
    exactly = AcceptancePolicy(max_bytes={"image": size, "video": 10**9})
    assert _verdict(photo.path, None, exactly) == "image/jpeg"


def test_random_bytes_are_not_mistaken_for_markup(photo_corpus: PhotoCorpus, tmp_path: Path) -> None:
    """Binary data that holds `<svg` or `<a` by chance, and metadata in XML, are no reason to refuse."""
    photo = photo_corpus.photo("jpeg_orientation_1.jpg")
    metadata = b"http://ns.adobe.com/xap/1.0/\0<?xpacket?><x:xmpmeta></x:xmpmeta>\x01<svg\x02<a\x03"
    segment = b"\xff\xe1" + (len(metadata) + 2).to_bytes(2, "big") + metadata
    picture = photo.path.read_bytes()
    changed = tmp_path / "changed.jpg"
    changed.write_bytes(picture[:2] + segment + picture[2:])
    assert _verdict(changed, "image/jpeg") == "image/jpeg"


def test_bytes_after_a_picture_are_no_fault(photo_corpus: PhotoCorpus, tmp_path: Path) -> None:
    """Phones append a video to a photo: it stays a whole JPEG."""
    photo = photo_corpus.photo("jpeg_orientation_1.jpg")
    moving = tmp_path / "moving.jpg"
    moving.write_bytes(photo.path.read_bytes() + b"\0\0\0\x18ftypmp42" + bytes(2 * INSPECTED_BYTES))
    assert _verdict(moving, "image/jpeg") == "image/jpeg"
