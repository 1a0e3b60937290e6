"""Which files of a folder are uploaded, and what is remembered of them when everything stops."""

import os
from pathlib import Path
from uuid import UUID

import pytest

from mediamill_client.folder import (
    FolderFile,
    Journal,
    JournalInUseError,
    JournalMismatchError,
    Order,
    Verdict,
    look_into,
)
from mediamill_client.folder.journal import Request

ORDER = Order("http://server", "u1", "/photos", {"entityType": "album"})
FILES = (FolderFile("a.jpg", 1, 10), FolderFile("b/a.jpg", 2, 20))
ACCEPTED = Verdict("accepted", UUID(int=1), UUID(int=2))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where the journal is."""
    return tmp_path / "state" / "journal.jsonl"


def test_pictures_and_videos_are_found_in_order(tmp_path: Path) -> None:
    """Folder by folder by name, whatever the case of endings; the rest is named or passed over in silence."""
    for name in ("b.JPG", "a/z.png", "a/y.mp4", "c.txt", ".hidden.jpg", ".trash/x.jpg", "a/._y.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"content")
    (tmp_path / "link.jpg").symlink_to(tmp_path / "b.JPG")
    (tmp_path / "linked").symlink_to(tmp_path / "a")
    os.mkfifo(tmp_path / "pipe.jpg")
    content = look_into(tmp_path)
    assert [file.name for file in content.files] == ["a/y.mp4", "a/z.png", "b.JPG"]
    assert {file.size for file in content.files} == {7}
    assert content.skipped == ["c.txt", "link.jpg", "pipe.jpg"]


def test_what_was_taken_over_is_known_to_the_next_run(path: Path) -> None:
    """By name, size and time together: a file that changed is a new one."""
    with Journal(path, ORDER) as journal:
        request = Request(FILES)
        journal.sending(request)
        journal.answered(request, {1: ACCEPTED})
        journal.ended(Verdict("refused", ACCEPTED.job_id, ACCEPTED.media_id, "corrupt", "It is broken."))
    with Journal(path, ORDER) as journal:
        assert journal.verdict(FILES[0]) is None
        assert journal.verdict(FILES[1]) == Verdict(
            "refused", ACCEPTED.job_id, ACCEPTED.media_id, "corrupt", "It is broken."
        )
        assert journal.verdict(FolderFile("b/a.jpg", 2, 21)) is None
        assert journal.unanswered == {}


def test_a_request_without_an_answer_is_known_to_the_next_run(path: Path) -> None:
    """With its key and its files in their places, so that it can be sent again as it was."""
    request = Request(FILES)
    with Journal(path, ORDER) as journal:
        journal.sending(request)
    with Journal(path, ORDER) as journal:
        assert journal.unanswered == {request.key: request}


@pytest.mark.parametrize("cut", [1, 20])
def test_a_line_that_a_crash_cut_off_says_nothing(path: Path, cut: int) -> None:
    """What was written whole counts, and later lines are not spoilt by the torn one."""
    first, second = Request(FILES[:1]), Request(FILES[1:])
    with Journal(path, ORDER) as journal:
        journal.sending(first)
        journal.sending(second)
    path.write_bytes(path.read_bytes()[:-cut])
    with Journal(path, ORDER) as journal:
        assert list(journal.unanswered) == [first.key]
        journal.answered(first, {0: ACCEPTED})
    with Journal(path, ORDER) as journal:
        assert journal.verdict(FILES[0]) == ACCEPTED


def test_one_process_at_a_time(path: Path) -> None:
    """Two runs over one folder would send its files twice."""
    with Journal(path, ORDER), pytest.raises(JournalInUseError), Journal(path, ORDER):
        pass


@pytest.mark.parametrize("content", [b"photo\n", b'{"format": 1}\n', b"\xff\xd8\xff\n\n"])
def test_another_file_is_not_taken_for_a_journal(path: Path, content: bytes) -> None:
    """A slip in `--state` costs nobody a file."""
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(JournalMismatchError), Journal(path, ORDER):
        pass
    assert path.read_bytes() == content


def test_each_upload_has_a_journal_of_its_own() -> None:
    """The same folder sent elsewhere, or as something else, is another upload."""
    others = [
        Order("http://other", "u1", "/photos", {"entityType": "album"}),
        Order("http://server", "u2", "/photos", {"entityType": "album"}),
        Order("http://server", "u1", "/photos", {"entityType": "listing"}),
    ]
    environment = {"XDG_STATE_HOME": "/state"}
    paths = {order.default_path(environment) for order in (ORDER, *others)}
    assert len(paths) == 4
    assert {path.parent for path in paths} == {Path("/state/mediamill/uploads")}
