"""What a duty did, or would do: for the log, the command line and the schedule's row."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

MOST_NAMED = 100
"""Ids and keys of one kind that a report names; it counts all of them."""


@dataclass
class Report:
    """Counts by what was done, as in `{"expired": 3}`, with the first of the ids and keys concerned."""

    dry_run: bool = False
    counts: Counter[str] = field(default_factory=Counter)
    bytes_freed: int = 0
    named: dict[str, list[str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    """What somebody should know besides the counts."""

    def add(self, what: str, *names: object, size_bytes: int = 0) -> None:
        """Count one for each name, and the bytes that are gone with them."""
        if not names:
            return
        listed = self.named.setdefault(what, [])
        self.counts[what] += len(names)
        listed.extend(str(name) for name in names[: MOST_NAMED - len(listed)])
        self.bytes_freed += size_bytes

    def count(self, what: str, number: int) -> None:
        """Count rows that nobody asks for by name."""
        self.counts[what] += number

    def note(self, text: str) -> None:
        """Add a remark, once."""
        if text not in self.notes:
            self.notes.append(text)

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {
            "dryRun": self.dry_run,
            "counts": {what: number for what, number in sorted(self.counts.items()) if number},
            "bytesFreed": self.bytes_freed,
            "named": {what: names for what, names in sorted(self.named.items()) if names},
            "notes": self.notes,
        }

    def lines(self) -> Iterable[str]:
        """Yield it as text for people."""
        if self.dry_run:
            yield "dry run, nothing is changed:"
        for what, number in sorted(self.counts.items()):
            if number:
                yield f"{what}: {number}"
                yield from (f"    {name}" for name in self.named.get(what, ()))
        if self.bytes_freed:
            yield f"bytes freed: {self.bytes_freed:,}"
        yield from self.notes
        if not self.notes and not +self.counts:
            yield "nothing to do"
