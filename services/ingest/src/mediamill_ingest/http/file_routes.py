"""`GET /media/{id}/{variant}`: the bytes, with headers that let a browser show them and do nothing else.

Variants are public: who knows the id may see them, and ids cannot be guessed. The original is its owner's: it
may tell where the picture was taken.
"""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, Literal
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse
from sqlalchemy import Row

from mediamill_catalog import media, variants
from mediamill_ingest.http.byte_ranges import UnsatisfiableRangeError, requested_range
from mediamill_ingest.http.parts import HttpParts, Parts
from mediamill_ingest.http.redirects import StoredFile, cdn_redirect, signed_redirect
from mediamill_runtime.identity import Identity
from mediamill_storage.keys import EXTENSIONS, PERMANENT, PLAYLIST_TYPE
from mediamill_storage.object_store import ObjectNotFoundError, StoreUnavailableError
from mediamill_storage.stores import StoreNotConfiguredError
from mediamill_web.identity import DOCUMENTED, PerhapsCaller
from mediamill_web.problems import ProblemError, not_found
from mediamill_web.responses import refusals

ORIGINAL = "original"
_FOREVER = "public, max-age=31536000, immutable"
_REVALIDATED = "public, no-cache"
"""At the address of an earlier revision: a copy is good while its ETag is."""
_PRIVATE = "private, no-cache"
_DOWNLOAD_TYPE = "application/octet-stream"
_SAFE_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Accept-Ranges": "bytes",
}

router = APIRouter(tags=["files"], dependencies=DOCUMENTED)


@dataclass(frozen=True)
class _File:
    stored: StoredFile
    sha256: str
    cache: str


@router.head("/media/{media_id}/{variant}", response_class=Response, include_in_schema=False)
@router.get(
    "/media/{media_id}/{variant}",
    response_class=Response,
    responses={
        200: {"content": {"image/*": {}}},
        206: {"description": "A part of the file"},
        302: {"description": "The file is at the CDN, or in the bucket at a signed address"},
        304: {"description": "Not changed"},
        416: {"description": "No such part"},
        **refusals(404, 412, 503),
    },
)
async def get_file(
    media_id: UUID, variant: str, request: Request, parts: Parts, caller: PerhapsCaller
) -> Response:
    """Return a variant's bytes; `original` to its owner and admins only."""
    if variant == ORIGINAL:
        file = await _original(parts, media_id, caller)
    else:
        file = await _variant(parts, media_id, variant, request.query_params.get("v"))
    return await _answer(parts, file, request)


async def _variant(parts: HttpParts, media_id: UUID, name: str, revision: str | None) -> _File:
    async with parts.database.read() as session:
        row = await variants.find_visible(session, media_id, name)
    if row is None:
        raise not_found()
    is_newest = str(row.revision) == (revision or "0")
    return _file(row, row.key, "everybody", _FOREVER if is_newest else _REVALIDATED)


async def _original(parts: HttpParts, media_id: UUID, caller: Identity | None) -> _File:
    """Return the original once it was admitted: what waits, or was refused, is never served."""
    async with parts.database.read() as session:
        row = await media.find(session, media_id)
    if caller is None or row is None or row.deleted_at is not None or row.purge_requested_at is not None:
        raise not_found()
    if row.user_id != caller.user_id and not caller.has_role("admin"):
        raise not_found()
    if row.original_key is None or not row.original_key.startswith(PERMANENT):
        raise not_found()
    return _file(row, row.original_key, "owner", _PRIVATE)


def _file(row: Row[Any], key: str, audience: Literal["everybody", "owner"], cache: str) -> _File:
    known = row.media_type in EXTENSIONS or row.media_type == PLAYLIST_TYPE
    media_type = row.media_type if known else _DOWNLOAD_TYPE
    disposition = _disposition(row.file_name, media_type)
    return _File(StoredFile(key, media_type, disposition, row.storage_status, audience), row.sha256, cache)


async def _answer(parts: HttpParts, file: _File, request: Request) -> Response:
    """Send clients to the CDN if there is one, serve what is here, and send them to the bucket else."""
    if file.stored.media_type == PLAYLIST_TYPE:
        return await _playlist(parts, file)
    redirect = cdn_redirect(parts.stores, file.stored)
    found = None if redirect is not None else await parts.store.stat(file.stored.key)
    if found is not None:
        return _local_answer(parts, file, found.size_bytes, request)
    try:
        redirect = redirect or await signed_redirect(parts.stores, file.stored, head=request.method == "HEAD")
    except StoreUnavailableError:
        detail = "The file cannot be reached now."
        raise ProblemError(503, "storage_unavailable", detail, headers={"Retry-After": "5"}) from None
    if redirect is None:
        raise not_found()
    headers = _SAFE_HEADERS | {"Cache-Control": redirect.cache_control, "Location": redirect.url}
    return Response(status_code=302, headers=headers)


async def _playlist(parts: HttpParts, file: _File) -> Response:
    """Serve a playlist from here, wherever it is kept: the names in it are relative to our own addresses."""
    for store in ("local", "s3"):
        with suppress(ObjectNotFoundError, StoreNotConfiguredError, StoreUnavailableError):
            body = b"".join([chunk async for chunk in parts.stores.of(store).read(file.stored.key)])
            headers = _SAFE_HEADERS | {"Cache-Control": file.cache}
            return Response(body, headers=headers, media_type=PLAYLIST_TYPE)
    raise not_found()


def _local_answer(parts: HttpParts, file: _File, size: int, request: Request) -> Response:
    etag = f'"{file.sha256[:32]}"'
    headers = _SAFE_HEADERS | {"ETag": etag, "Cache-Control": file.cache}
    if_match = request.headers.get("if-match")
    if if_match is not None and not {etag, "*"} & set(_tags(if_match)):
        raise ProblemError(412, "precondition_failed", "The file is another one now.")
    if _matches(request.headers.get("if-none-match"), etag):
        return Response(status_code=304, headers=headers)
    media_type = file.stored.media_type
    headers["Content-Disposition"] = file.stored.disposition
    try:
        wanted = _range(request, size, etag)
    except UnsatisfiableRangeError:
        raise ProblemError(
            416, "no_such_range", "The file is shorter.", headers={"Content-Range": f"bytes */{size}"}
        ) from None
    start, end = wanted or (0, size)
    headers["Content-Length"] = str(end - start)
    if wanted is not None:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    status = 200 if wanted is None else 206
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers, media_type=media_type)
    body = parts.store.read(file.stored.key, start=start, end=end)
    return StreamingResponse(body, status, headers, media_type)


def _range(request: Request, size: int, etag: str) -> tuple[int, int] | None:
    """Honour a range only of GET, and while the file is the one that the client has the beginning of."""
    if request.method != "GET":
        return None
    condition = request.headers.get("if-range")
    if condition is not None and condition != etag:
        return None
    return requested_range(request.headers.get("range"), size)


def _matches(if_none_match: str | None, etag: str) -> bool:
    if if_none_match is None:
        return False
    tags = [tag.removeprefix("W/") for tag in _tags(if_none_match)]
    return etag in tags or "*" in tags


def _tags(header: str) -> list[str]:
    return [tag.strip() for tag in header.split(",")]


def _disposition(file_name: str, media_type: str) -> str:
    """Return the header of RFC 6266: shown in place if it is a picture or video of ours, else downloaded."""
    extension = EXTENSIONS.get(media_type, "bin")
    stem = PurePath(file_name).stem or "file"
    plain = "".join(c if c.isascii() and (c.isalnum() or c in " ._-()") else "_" for c in stem)
    kind = "attachment" if media_type == _DOWNLOAD_TYPE else "inline"
    encoded = quote(f"{stem}.{extension}", safe="")
    return f"{kind}; filename=\"{plain}.{extension}\"; filename*=UTF-8''{encoded}"
