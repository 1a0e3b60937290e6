"""What a child process may use, told to it on its command line.

Nothing but the standard library: some children live for one file, and start before they may read it.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Boundaries:
    """What a child may use, and the parent it must not outlive."""

    parent_pid: int
    memory_bytes: int
    cpu_seconds: int
    """Processor time of one job."""
    file_bytes: int
    """Largest file that may be written."""
    niceness: int
    readable: Path
    """Folder with the files to decode."""
    writable: Path
    """Folder with the scratch folders of all jobs."""

    def to_json(self) -> str:
        """Return the boundaries as one argument of a command."""
        return json.dumps(asdict(self), default=str)

    @classmethod
    def from_json(cls, text: str) -> "Boundaries":
        """Return the boundaries that the parent wrote."""
        fields = json.loads(text)
        paths = {name: Path(fields[name]) for name in ("readable", "writable")}
        return cls(**(fields | paths))
