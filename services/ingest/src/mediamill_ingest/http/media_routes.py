"""Media: lists, details, what happened to them, and their deletion."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from mediamill_catalog import timeline
from mediamill_catalog.listing import MediaFilter, list_media
from mediamill_catalog.tables import MediaStatus, StorageStatus
from mediamill_contracts.recipe import Kind
from mediamill_ingest.http.ownership import own_deleted_medium, own_medium, purged, readable_medium
from mediamill_ingest.http.parts import Parts
from mediamill_ingest.http.repetitions import reused_keys_refused
from mediamill_ingest.http.schemas import MediaPage, MediaView, RemovalAccepted, Timeline, TimelineEntry
from mediamill_ingest.http.views import media_views
from mediamill_ingest.usecases.hide_media import hide_media, restore_media
from mediamill_ingest.usecases.purge_media import purge_media
from mediamill_web.idempotency import IdempotencyKeyHeader, repeatable
from mediamill_web.identity import DOCUMENTED, Caller
from mediamill_web.parameters import DEFAULT_LIMIT, Cursor, Limit
from mediamill_web.problems import ProblemError, not_found
from mediamill_web.responses import refusals

router = APIRouter(tags=["media"], dependencies=DOCUMENTED)


@router.get("/api/media", responses=refusals(401, 404, 422))
async def list_all(
    *,
    parts: Parts,
    caller: Caller,
    status: MediaStatus | None = None,
    storage_status: Annotated[StorageStatus | None, Query(alias="storageStatus")] = None,
    entity_type: Annotated[str | None, Query(alias="entityType", max_length=64)] = None,
    entity_id: Annotated[str | None, Query(alias="entityId", max_length=255)] = None,
    kind: Kind | None = None,
    user_id: Annotated[str | None, Query(alias="userId", max_length=128)] = None,
    deleted: bool = False,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> MediaPage:
    """Return media, newest first: the caller's own, or for admins everybody's unless `userId` is given."""
    if not caller.has_role("admin"):
        if user_id not in (None, caller.user_id):
            raise not_found()
        user_id = caller.user_id
    wanted = MediaFilter(
        user_id=user_id,
        status=status,
        storage_status=storage_status,
        kind=kind,
        entity_type=entity_type,
        entity_id=entity_id,
        deleted=deleted,
    )
    async with parts.database.read() as session:
        page = await list_media(session, wanted, limit=limit, after=cursor)
        return MediaPage(items=await media_views(session, page.items), next_cursor=page.next)


@router.get("/api/media/{media_id}", responses=refusals(401, 404))
async def get_medium(media_id: UUID, parts: Parts, caller: Caller) -> MediaView:
    """Return a medium: the caller's, deleted or not, or one that a message shows to the caller."""
    async with parts.database.read() as session:
        row = await readable_medium(session, media_id, caller)
        return (await media_views(session, [row]))[0]


@router.get("/api/media/{media_id}/timeline", responses=refusals(401, 404))
async def get_timeline(media_id: UUID, parts: Parts, caller: Caller) -> Timeline:
    """Return everything that happened to a medium, oldest first."""
    async with parts.database.read() as session:
        await own_medium(session, media_id, caller)
        rows = await timeline.of_media(session, media_id)
    return Timeline(items=[TimelineEntry.model_validate(row) for row in rows])


@router.delete(
    "/api/media/{media_id}",
    responses={202: {"model": RemovalAccepted}, **refusals(401, 403, 404, 409)},
)
async def delete(
    *,
    media_id: UUID,
    request: Request,
    response: Response,
    parts: Parts,
    caller: Caller,
    force: Annotated[Literal["hard"] | None, Query(description="Remove the bytes for good.")] = None,
    idempotency_key: IdempotencyKeyHeader = None,
) -> MediaView | RemovalAccepted:
    """Hide a medium until it is restored or its retention ends, or remove it for good; again: the same.

    202: it is hidden now, and gone when its objects are removed; while it is being processed, after that.
    """
    settings = parts.stores.settings()
    repeated = repeatable(request, idempotency_key, force)
    async with parts.database.read() as session:
        row = await own_medium(session, media_id, caller, leaving=True)
    with reused_keys_refused():
        if force == "hard" or settings.delete_mode == "hard" or row.purge_requested_at is not None:
            await purge_media(
                parts.database, media_id, actor=caller.user_id, settings=settings, request=repeated
            )
            response.status_code = 202
            return RemovalAccepted(media_id=media_id)
        await hide_media(
            parts.database, media_id, user_id=row.user_id, actor=caller.user_id, request=repeated
        )
    return await get_medium(media_id, parts, caller)


@router.post("/api/media/{media_id}/restore", responses=refusals(401, 403, 404, 409, 410))
async def restore(
    media_id: UUID,
    request: Request,
    parts: Parts,
    caller: Caller,
    idempotency_key: IdempotencyKeyHeader = None,
) -> MediaView:
    """Bring a deleted medium back while its retention lasts; again: the same."""
    settings = parts.stores.settings()
    async with parts.database.read() as session:
        row = await own_deleted_medium(session, media_id, caller)
    with reused_keys_refused():
        outcome = await restore_media(
            parts.database,
            media_id,
            user_id=row.user_id,
            actor=caller.user_id,
            settings=settings,
            request=repeatable(request, idempotency_key),
        )
    if outcome == "purged":
        raise purged()
    if outcome == "retention_ended":
        days = settings.soft_delete_retention_days
        raise ProblemError(409, "retention_ended", f"It was deleted more than {days} days ago.")
    return await get_medium(media_id, parts, caller)
