"""The account of a folder's upload: how many files came how far, and why the others did not."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from mediamill_client.folder.files import FolderContent
from mediamill_client.folder.upload import UNREADABLE, FolderUpload
from mediamill_client.folder.verdicts import Verdict

NOT_SENT = "not_sent"
"""Status of a file that the run did not come to, or that changed while it was sent."""


@dataclass(frozen=True)
class Report:
    """What is known of every file and folder when a run ends, however it ends."""

    folder: Path
    server: str
    content: FolderContent
    verdicts: dict[str, Verdict]
    sent_earlier: frozenset[str]

    @classmethod
    def of(cls, upload: FolderUpload, content: FolderContent, folder: Path, server: str) -> "Report":
        """Return the report of a run as it stands now."""
        unreadable = {
            name: Verdict("refused", code=UNREADABLE, detail=reason)
            for name, reason in content.unreadable.items()
        }
        return cls(folder, server, content, upload.verdicts | unreadable, upload.sent_earlier)

    @property
    def complete(self) -> bool:
        """Whether every file was taken over, and none is known to have failed."""
        counts = self.counts
        return not counts["refused"] and not counts["notSent"]

    @property
    def counts(self) -> dict[str, int]:
        """How many files there are of each kind; `accepted` counts all that the server took over."""
        status = Counter(verdict.status for verdict in self.verdicts.values())
        taken_over = sum(verdict.job_id is not None for verdict in self.verdicts.values())
        return {
            "files": len(self.content.files),
            "accepted": taken_over,
            "sentEarlier": len(self.sent_earlier),
            "ready": status["ready"],
            "refused": status["refused"],
            "notSent": sum(file.name not in self.verdicts for file in self.content.files),
            "skipped": len(self.content.skipped),
        }

    def files(self) -> Iterator[dict[str, Any]]:
        """Yield what is known of each file, and of each folder that could not be read."""
        for name in (*(file.name for file in self.content.files), *self.content.unreadable):
            verdict = self.verdicts.get(name)
            document: dict[str, Any] = {"name": name, "status": verdict.status if verdict else NOT_SENT}
            if verdict is not None and verdict.job_id is not None:
                document |= {"jobId": str(verdict.job_id), "mediaId": str(verdict.media_id)}
            if verdict is not None and verdict.code is not None:
                document["error"] = {"code": verdict.code, "detail": verdict.detail or ""}
            yield document

    def lines(self) -> Iterator[str]:
        """Yield the report for people: sums, then each refusal."""
        counts = self.counts
        yield (
            f"{self.folder}: {counts['files']} files, {counts['accepted']} accepted "
            f"({counts['sentEarlier']} by an earlier run), {counts['ready']} ready, "
            f"{counts['refused']} refused, {counts['notSent']} not sent, {counts['skipped']} skipped"
        )
        for name, verdict in sorted(self.verdicts.items()):
            if verdict.status == "refused":
                yield f"{name}: refused, {verdict.detail or verdict.code} ({verdict.code})"

    def write(self, target: Path) -> None:
        """Write the report as JSON, whole or not at all."""
        document = {
            "folder": str(self.folder),
            "server": self.server,
            "written": datetime.now(UTC).isoformat(timespec="seconds"),
            "counts": self.counts,
            "files": list(self.files()),
            "skipped": self.content.skipped,
        }
        with NamedTemporaryFile("w", dir=target.parent, prefix=f".{target.name}-", delete=False) as file:
            json.dump(document, file, indent=1)
            file.write("\n")
        Path(file.name).replace(target)
