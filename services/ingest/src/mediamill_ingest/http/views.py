"""Rows of the catalog as the API shows them."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from mediamill_catalog import media
from mediamill_catalog.tables import JobStatus
from mediamill_ingest.http.schemas import CallFailure, CallView, FailureView, JobView, MediaView, VariantView

_PLAIN = tuple(set(MediaView.model_fields) - {"error", "urls", "variants", "watermarked"})


def variant_url(media_id: UUID, name: str, revision: int = 0) -> str:
    """Return the address that serves a variant; another one each time it is made again, for caches' sake."""
    return f"/media/{media_id}/{name}" + (f"?v={revision}" if revision else "")


def media_view(row: Row[Any], derived: Sequence[Row[Any]]) -> MediaView:
    """Return a medium with its variants."""
    views = [
        VariantView(
            name=variant.name,
            url=variant_url(row.id, variant.name, variant.revision),
            media_type=variant.media_type,
            width=variant.width,
            height=variant.height,
            frames=variant.frames,
            size_bytes=variant.size_bytes,
            watermarked=variant.watermarked,
        )
        for variant in derived
    ]
    plain = {name: getattr(row, name) for name in _PLAIN}
    return MediaView(
        **plain,
        error=_failure(row.failure_code, row.failure_detail),
        urls={view.name: view.url for view in views},
        variants=views,
        watermarked=any(view.watermarked for view in views),
    )


def call_view(row: Row[Any]) -> CallView:
    """Return a queued call."""
    error = None if row.error_detail is None else CallFailure(code=row.error_code, detail=row.error_detail)
    return CallView(
        job_id=row.id,
        type=row.type,
        status=row.status,
        attempts=row.attempts,
        result=row.result,
        error=None if row.status == JobStatus.COMPLETED else error,
        created_at=row.created_at,
        finished_at=row.finished_at,
    )


def job_view(row: Row[Any], result: MediaView | None) -> JobView:
    """Return a job; `result` is its medium once it is completed."""
    return JobView(
        job_id=row.id,
        media_id=row.media_id,
        type=row.type,
        status=row.status,
        progress=row.progress,
        attempts=row.attempts,
        result=result,
        error=_failure(row.error_code, row.error_detail),
        created_at=row.created_at,
        updated_at=row.updated_at,
        finished_at=row.finished_at,
    )


async def media_views(session: AsyncSession, rows: Sequence[Row[Any]]) -> list[MediaView]:
    """Return media with their variants, in the rows' order."""
    derived = await media.variants_of(session, [row.id for row in rows])
    return [media_view(row, derived.get(row.id, ())) for row in rows]


async def job_with_result(session: AsyncSession, row: Row[Any]) -> JobView:
    """Return a job, with its medium when it is completed."""
    if row.status != JobStatus.COMPLETED:
        return job_view(row, None)
    medium = await media.find(session, row.media_id)
    views = await media_views(session, [medium] if medium is not None else [])
    return job_view(row, views[0] if views else None)


def _failure(code: str | None, detail: str | None) -> FailureView | None:
    return None if code is None else FailureView(code=code, detail=detail or "")
