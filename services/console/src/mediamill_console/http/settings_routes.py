"""Settings of the platform: admins read them, superadmins change them and try S3 out."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import ValidationError

from mediamill_catalog.settings import SettingsRefusedError, history, load
from mediamill_console.http.parts import ConsoleWebParts, Parts
from mediamill_console.http.settings_schemas import (
    S3TestRequest,
    S3TestResult,
    SettingChangeView,
    SettingHistory,
    SettingsPatch,
    SettingsView,
    settings_view,
    wire_path,
    wire_value,
)
from mediamill_console.usecases.change_settings import S3InUseError, change_settings
from mediamill_contracts.storage import S3Location
from mediamill_web.idempotency import KEY_IS_FINE
from mediamill_web.identity import DOCUMENTED, Admin, Superadmin
from mediamill_web.json_body import described, json_body
from mediamill_web.parameters import DEFAULT_LIMIT, Limit
from mediamill_web.problems import ProblemError
from mediamill_web.responses import refusals

_MAX_BODY_BYTES = 256 * 1024

router = APIRouter(tags=["settings"], prefix="/api/admin/media/settings", dependencies=DOCUMENTED)


@router.get("", responses=refusals(401, 403))
async def get_settings(parts: Parts, _caller: Admin) -> SettingsView:
    """Return the settings in force, and how S3 is."""
    async with parts.database.read() as session:
        settings = await load(session, parts.settings.defaults)
    return settings_view(settings, await parts.s3_status.status(settings))


@router.put(
    "",
    dependencies=KEY_IS_FINE,
    responses=refusals(401, 403, 408, 409, 413, 422),
    openapi_extra={"requestBody": {"required": True, "content": described(SettingsPatch)}},
)
async def put_settings(request: Request, parts: Parts, caller: Superadmin) -> SettingsView:
    """Change what is named; services act on it within five seconds."""
    patch = await json_body(request, parts, SettingsPatch, max_bytes=_MAX_BODY_BYTES)
    await _check_s3(parts, patch)
    try:
        settings = await change_settings(
            parts.database, patch.changes(), changed_by=caller.user_id, defaults=parts.settings.defaults
        )
    except SettingsRefusedError as refused:
        raise _invalid([(wire_path(problem.path), problem.message) for problem in refused.problems]) from None
    except S3InUseError:
        detail = "Bucket and endpoint cannot change while media are in S3 or on their way there."
        raise ProblemError(409, "s3_in_use", detail) from None
    await parts.settings.look()
    return settings_view(settings, await parts.s3_status.status(settings))


@router.get("/history", responses=refusals(401, 403, 422))
async def get_history(
    parts: Parts,
    _caller: Admin,
    cursor: Annotated[int | None, Query(ge=1, description="`nextCursor` of the page before.")] = None,
    limit: Limit = DEFAULT_LIMIT,
) -> SettingHistory:
    """Return who changed what when, newest first."""
    async with parts.database.read() as session:
        rows = await history(session, limit=limit + 1, before=cursor)
    items = [
        SettingChangeView(
            id=row.id,
            setting=wire_path(tuple(row.key.split(".", 1))),
            old_value=wire_value(row.old_value),
            new_value=wire_value(row.new_value),
            changed_by=row.changed_by,
            changed_at=row.changed_at,
        )
        for row in rows[:limit]
    ]
    return SettingHistory(items=items, next_cursor=items[-1].id if len(rows) > limit else None)


@router.post(
    "/test-s3",
    responses=refusals(401, 403, 408, 413, 422),
    openapi_extra={"requestBody": {"content": described(S3TestRequest)}},
)
async def try_s3(request: Request, parts: Parts, _caller: Superadmin) -> S3TestResult:
    """Try out whether objects can be listed and written, with saved values or others, in five seconds."""
    wanted = S3TestRequest()
    if request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers:
        wanted = await json_body(request, parts, S3TestRequest, max_bytes=_MAX_BODY_BYTES)
    location = await _location(parts, wanted)
    found = await parts.prober.probe(location)
    return S3TestResult(
        success=found.failure is None,
        message=found.message,
        bucket=location.bucket if location is not None else None,
        object_count=found.objects if found.failure is None else None,
        object_count_is_minimum=not found.all_counted,
        code=found.failure,
    )


async def _location(parts: ConsoleWebParts, wanted: S3TestRequest) -> S3Location | None:
    async with parts.database.read() as session:
        settings = await load(session, parts.settings.defaults)
    named = {f"s3_{name}": getattr(settings, f"s3_{name}") for name in ("bucket", "region", "endpoint")}
    named |= wanted.model_dump(exclude_unset=True)
    if named["s3_bucket"] is None:
        return None
    try:
        return S3Location(bucket=named["s3_bucket"], region=named["s3_region"], endpoint=named["s3_endpoint"])
    except ValidationError as error:
        fields = [(wire_path((f"s3_{found['loc'][0]}",)), found["msg"]) for found in error.errors()]
        raise _invalid(fields) from None


async def _check_s3(parts: ConsoleWebParts, patch: SettingsPatch) -> None:
    """Refuse what could be saved but not be used: S3 without keys, an endpoint that may not be asked."""
    if patch.s3_enabled and not parts.prober.has_credentials:
        raise _invalid([("s3Enabled", "the environment has no keys for S3")])
    if patch.s3_endpoint is not None and not await parts.prober.is_allowed(patch.s3_endpoint):
        allowed = "hosts of the inner network are listed in S3_ALLOWED_ENDPOINTS"
        raise _invalid([("s3Endpoint", f"not an endpoint that can be used; {allowed}")])


def _invalid(fields: list[tuple[str, str]]) -> ProblemError:
    errors = [{"field": field, "message": message} for field, message in fields]
    return ProblemError(422, "invalid_settings", "; ".join(f"{f}: {m}" for f, m in fields), errors=errors)
