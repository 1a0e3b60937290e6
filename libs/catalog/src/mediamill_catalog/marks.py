"""From the watermark that an operator describes to the one that workers draw."""

from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_catalog import media
from mediamill_catalog.settings import MarkSettings
from mediamill_catalog.stored_media import StoredMedium
from mediamill_catalog.tables import MediaStatus, StorageStatus
from mediamill_contracts.recipe import Store, Watermark


class MarkImageError(Exception):
    """The medium that is to be the mark is not a READY picture, or it was deleted."""


async def resolve_mark(session: AsyncSession, mark: MarkSettings) -> Watermark:
    """Return the mark with its image as an object that can be read now; raises MarkImageError."""
    style = mark.model_dump(exclude={"text", "image_id"})
    if mark.image_id is None:
        return Watermark(text=mark.text, **style)
    row = await media.find(session, mark.image_id)
    usable = (
        row is not None and row.status == MediaStatus.READY and row.kind == "image" and row.deleted_at is None
    )
    if row is None or not usable:
        raise MarkImageError(f"medium {mark.image_id} is not a picture that is ready")
    store: Store = "s3" if row.storage_status == StorageStatus.S3 else "local"
    return Watermark(image=StoredMedium(row, []).objects(store)[0], **style)
