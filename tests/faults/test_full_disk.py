"""A disk without room: uploads are refused with a clear answer, and taken again as soon as there is room."""

import json
import subprocess
import sys
from pathlib import Path

from mediamill_testing.photos import PhotoCorpus

PROGRAM = Path(__file__).with_name("full_disk_uploads.py")


def test_a_full_disk_is_said_so_and_leaves_nothing_behind(tmp_path: Path, photo_corpus: PhotoCorpus) -> None:
    """On a real file system of two megabytes: 202, then 507 without a leftover, then 202 again."""
    root = tmp_path / "storage"
    root.mkdir()
    photo = photo_corpus.photo("jpeg_baseline.jpg").path
    command = ["unshare", "--user", "--map-root-user", "--mount", sys.executable, str(PROGRAM)]
    done = subprocess.run(
        [*command, str(root), str(tmp_path / "mediamill.sqlite3"), str(photo)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == [
        [202, None, 1],
        [507, "storage_full", 1],
        [202, None, 2],
    ]
