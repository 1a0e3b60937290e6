"""What a caller may say of a file, whichever way it goes."""

import os
from dataclasses import dataclass
from typing import Self, TypedDict
from uuid import uuid4

from mediamill_client.upload_body import Progress, UploadFile

FilePath = str | os.PathLike[str]


class UploadOptions(TypedDict, total=False):
    """Keywords of an upload; all of them may be left out."""

    entity_type: str
    """What the medium is for, which decides its variants: `general` unless said otherwise."""
    entity_id: str | None
    alt: str | None
    title: str | None
    name: str | None
    """Instead of the name on disk."""
    media_type: str | None
    idempotency_key: str | None
    """Makes a repetition, even by another process, the same upload."""
    progress: Progress | None


@dataclass(frozen=True)
class Wish:
    """A file, what is said of it, and the key that it goes under."""

    file: UploadFile
    form: dict[str, str | None]
    key: str
    progress: Progress | None

    @classmethod
    def of(
        cls,
        path: FilePath,
        *,
        entity_type: str = "general",
        entity_id: str | None = None,
        alt: str | None = None,
        title: str | None = None,
        name: str | None = None,
        media_type: str | None = None,
        idempotency_key: str | None = None,
        progress: Progress | None = None,
    ) -> Self:
        """Put together what a caller said; without a key it is a new upload."""
        return cls(
            UploadFile.at(path, name=name, media_type=media_type),
            {"entityType": entity_type, "entityId": entity_id, "alt": alt, "title": title},
            idempotency_key or str(uuid4()),
            progress,
        )
