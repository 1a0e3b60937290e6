"""Scratch files go with the job or the process that made them, and nobody else's are touched."""

import subprocess
import sys
from pathlib import Path

from mediamill_processor.sandbox.scratch import ScratchFolder

_DIE_WITH_A_FILE = """
import os, sys
from pathlib import Path
from mediamill_processor.sandbox.scratch import ScratchFolder
scratch = ScratchFolder(Path(sys.argv[1]))
scratch.open()
with scratch.job_folder() as folder:
    (folder / "large").write_bytes(b"half")
    os.kill(os.getpid(), 9)
"""


def test_a_job_leaves_nothing(tmp_path: Path) -> None:
    """Whatever a job leaves is gone before the next one, and the process's folder when the process stops."""
    scratch = ScratchFolder(tmp_path)
    scratch.open()
    for leaving in (True, False, True):
        with scratch.job_folder() as folder, scratch.job_folder() as beside:
            assert folder != beside
            assert not [*folder.iterdir(), *beside.iterdir()]
            if leaving:
                (folder / "large").write_bytes(b"half")
        assert not [path for path in scratch.path.rglob("*") if path.is_file()]
    scratch.close()
    assert not scratch.path.exists()


def test_a_job_cannot_lead_the_next_one_away(tmp_path: Path) -> None:
    """A folder that a taken-over child exchanged for a link is not given to another job."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    scratch = ScratchFolder(tmp_path / "store")
    scratch.open()
    with scratch.job_folder() as folder:
        folder.rmdir()
        folder.symlink_to(elsewhere)
    with scratch.job_folder() as another:
        assert another != folder
        assert not another.is_symlink()
    scratch.close()


def test_only_the_dead_are_cleared(tmp_path: Path) -> None:
    """The next process removes what a killed one left, and leaves a living one's files alone."""
    living = ScratchFolder(tmp_path)
    living.open()
    with living.job_folder() as folder:
        subprocess.run([sys.executable, "-c", _DIE_WITH_A_FILE, str(tmp_path)], check=False)
        left = {path.name for path in (tmp_path / ".scratch").iterdir()} - {living.path.name}
        assert len(left) == 1
        starting = ScratchFolder(tmp_path)
        starting.open()
        now = {path.name for path in (tmp_path / ".scratch").iterdir()}
        assert now == {living.path.name, starting.path.name}
        assert folder.exists()
        starting.close()
    living.close()
