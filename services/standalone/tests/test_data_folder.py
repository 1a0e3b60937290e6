"""The folder that holds an installation: one process at a time, and a clear word when that cannot be."""

from pathlib import Path

import pytest

from mediamill_runtime.settings import SettingsError
from mediamill_standalone.data_folder import DataFolder


def test_a_folder_belongs_to_one_process(tmp_path: Path) -> None:
    """Whoever starts it a second time is told so, in words that name the variable to change."""
    first = DataFolder(tmp_path / "home")
    with pytest.raises(SettingsError, match=r"^MEDIAMILL_HOME: .*/home is in use by another"):
        DataFolder(first.path)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """A file in its place is a sentence, not a traceback."""
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match=r"^MEDIAMILL_HOME: .*/file/home cannot be used: Not a directory"):
        DataFolder(tmp_path / "file" / "home")


def test_nobody_else_reads_it_and_the_key_stays(tmp_path: Path) -> None:
    """Folder and signing key are their owner's alone; the key outlives restarts, so that sign-ins do."""
    folder = DataFolder(tmp_path / "home")
    key = folder.signing_key()
    assert len(key) >= 32
    assert folder.signing_key() == key
    assert folder.path.stat().st_mode & 0o077 == 0
    assert (folder.path / "signing-key").stat().st_mode & 0o077 == 0
