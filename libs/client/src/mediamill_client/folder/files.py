"""What of a folder is uploaded: regular files below it whose names end like a picture's or a video's."""

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

_PICTURES = {".jpg", ".jpeg", ".jfif", ".png", ".gif", ".webp", ".avif", ".heic", ".heif", ".tif", ".tiff"}
_VIDEOS = {".mp4", ".m4v", ".mov", ".webm"}
ENDINGS = frozenset(_PICTURES | _VIDEOS)
"""Endings of the types that Mediamill knows; whether a file is what it is called, the server sees."""


@dataclass(frozen=True)
class FolderFile:
    """A file by its name from the folder on (with `/`), and what changes when its content does."""

    name: str
    size: int
    mtime_ns: int


@dataclass
class FolderContent:
    """The files to upload, in the order of their names; the other files; and folders that cannot be read."""

    files: list[FolderFile] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    unreadable: dict[str, str] = field(default_factory=dict)
    """Why, by name."""


def look_into(folder: Path) -> FolderContent:
    """Return what is in the folder and the folders below it.

    What is hidden (its name begins with a dot) is passed over in silence; links are not followed.
    """
    content = FolderContent()

    def note(error: OSError) -> None:
        name = Path(error.filename or folder).relative_to(folder).as_posix()
        content.unreadable[name] = error.strerror or str(error)

    for parent, folders, names in os.walk(folder, onerror=note):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            if not name.startswith("."):
                _sort_in(content, folder, Path(parent, name))
    content.files.sort(key=lambda file: file.name.split("/"))
    content.skipped.sort()
    return content


def seen(folder: Path, name: str) -> FolderFile:
    """Return the file as it is now; raises OSError."""
    status = (folder / name).lstat()
    return FolderFile(name, status.st_size, status.st_mtime_ns)


def _sort_in(content: FolderContent, folder: Path, path: Path) -> None:
    name = path.relative_to(folder).as_posix()
    try:
        status = path.lstat()
    except FileNotFoundError:
        return
    if path.suffix.lower() in ENDINGS and stat.S_ISREG(status.st_mode):
        content.files.append(FolderFile(name, status.st_size, status.st_mtime_ns))
    else:
        content.skipped.append(name)
