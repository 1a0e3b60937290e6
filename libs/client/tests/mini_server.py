"""A small real HTTP server that speaks the upload API and says what a test scripted."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.policy import HTTP
from hashlib import sha256
from uuid import UUID, uuid4

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mediamill_client.api import MediamillClient
from mediamill_client.retry import RetryPolicy

TOKEN = "token-of-the-test"
PASSWORD = "correct horse"


def problem(status: int, code: str, detail: str = "", headers: dict[str, str] | None = None) -> Response:
    """Return a problem document as the services send it."""
    body = {"type": "about:blank", "title": code, "status": status, "detail": detail, "code": code}
    return JSONResponse(body, status, headers, media_type="application/problem+json")


@dataclass
class MiniServer:
    """Keeps uploads in memory, one for each idempotency key; `script` holds answers to give first."""

    url: str = ""
    script: deque[Response] = field(default_factory=deque)
    files: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    """File name and bytes by idempotency key."""
    jobs: dict[UUID, list[dict[str, object]]] = field(default_factory=dict)
    """States that a job shows, one for each look; the last one stays."""
    taken: dict[str, UUID] = field(default_factory=dict)
    """Job by idempotency key."""
    bodies: list[bytes] = field(default_factory=list)
    looks: int = 0
    slow: bool = False
    """Whether jobs of uploads never end."""
    most_files: int = 1_000
    """Files that one bulk request may have."""
    release: asyncio.Event = field(default_factory=asyncio.Event)
    """Bulk requests are answered, once their files are taken over, when this is set."""

    def __post_init__(self) -> None:
        self.release.set()

    def new_job(self, *states: dict[str, object]) -> UUID:
        """Make a job that shows these states one after another."""
        job_id, media_id = uuid4(), uuid4()
        self.jobs[job_id] = [{"jobId": str(job_id), "mediaId": str(media_id), **state} for state in states]
        return job_id

    async def upload(self, request: Request) -> Response:
        """Take the file over, once for each key."""
        body = await request.body()
        self.bodies.append(body)
        if self.script:
            return self.script.popleft()
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return problem(401, "not_authenticated", "Sign in first.")
        parts = _parts(request.headers["content-type"], body)
        name, content = parts["file"]
        if not content:
            return problem(400, "empty_file", "The file is empty.")
        job = self.take(request.headers["idempotency-key"], name, content)
        return JSONResponse({"success": True, "status": "processing", **job}, 202)

    async def bulk(self, request: Request) -> Response:
        """Take the files over, each once for its key and place; refuse empty ones and those named bad."""
        body = await request.body()
        self.bodies.append(body)
        if self.script:
            return self.script.popleft()
        files = _files(request.headers["content-type"], body)
        if len(files) > self.most_files:
            return problem(413, "too_many_files", f"At most {self.most_files} files at once.")
        jobs: list[dict[str, object]] = []
        rejected: list[dict[str, object]] = []
        for place, (name, content) in enumerate(files):
            named = {"filename": name, "index": place}
            if not content or name.startswith("bad"):
                code = "empty_file" if not content else "unsupported_type"
                rejected.append({**named, "code": code, "detail": "It is no picture."})
            else:
                key = f"{request.headers['idempotency-key']}/{place}"
                jobs.append({**named, **self.take(key, name, content)})
        await self.release.wait()
        return JSONResponse({"jobs": jobs, "rejected": rejected}, 202)

    def take(self, key: str, name: str, content: bytes) -> dict[str, str]:
        """Take a file over, unless its key was used; return the ids of its job and medium."""
        if key not in self.files:
            self.files[key] = (name, content)
            self.taken[key] = self.new_job(*self._states(name, at_once="/" in key))
        job_id = self.taken[key]
        return {"jobId": str(job_id), "mediaId": str(self.jobs[job_id][0]["mediaId"])}

    def _states(self, name: str, *, at_once: bool) -> list[dict[str, object]]:
        active: dict[str, object] = {"status": "active", "progress": 50}
        end: dict[str, object] = {"status": "completed", "progress": 100, "result": media_view()}
        if name.startswith("corrupt"):
            end = {"status": "failed", "error": {"code": "corrupt", "detail": "It cannot be decoded."}}
        if self.slow:
            return [active]
        return [end] if at_once else [active, end]

    async def job(self, request: Request) -> Response:
        """Show a job's next state."""
        self.looks += 1
        if self.script:
            return self.script.popleft()
        states = self.jobs.get(UUID(request.path_params["job_id"]))
        if states is None:
            return problem(404, "not_found", "There is no such job.")
        return JSONResponse(states.pop(0) if len(states) > 1 else states[0])

    async def media(self, request: Request) -> Response:
        """Show the one medium."""
        if request.path_params["media_id"] != media_view()["id"]:
            return problem(404, "not_found", "There is no such medium.")
        return JSONResponse(media_view())

    async def list_media(self, request: Request) -> Response:
        """List the media that files became, two a page, the newest first."""
        found = [
            media_view()
            | {"id": self.jobs[self.taken[key]][0]["mediaId"], "sha256": sha256(content).hexdigest()}
            for key, (_, content) in reversed(self.files.items())
        ]
        start = int(request.query_params.get("cursor", "0"))
        following = str(start + 2) if len(found) > start + 2 else None
        return JSONResponse({"items": found[start : start + 2], "nextCursor": following})

    async def timeline(self, request: Request) -> Response:
        """Tell which job a medium was uploaded by."""
        [job_id] = [
            job_id
            for job_id, states in self.jobs.items()
            if states[0]["mediaId"] == request.path_params["media_id"]
        ]
        line = {"name": "media.uploaded", "at": "2030-01-01T00:00:00Z", "jobId": str(job_id)}
        return JSONResponse({"items": [line]})

    def forget_keys(self) -> None:
        """Take requests for new ones from now on, as a server does after a day."""
        self.files = {f"forgotten {key}": file for key, file in self.files.items()}
        self.taken = {f"forgotten {key}": job_id for key, job_id in self.taken.items()}

    async def me(self, _request: Request) -> Response:
        """Name the one user."""
        return JSONResponse({"user": {"id": "u1", "email": "ann@example.org", "role": "user"}})

    async def jobs_of_user(self, request: Request) -> Response:
        """List the jobs of the one user, two a page."""
        assert request.path_params["user_id"] == "u1"
        self.looks += 1
        wanted = request.query_params["status"]
        found = [states[0] for states in self.jobs.values() if states[0]["status"] == wanted]
        start = int(request.query_params.get("cursor", "0"))
        following = str(start + 2) if len(found) > start + 2 else None
        return JSONResponse({"items": found[start : start + 2], "nextCursor": following})

    async def login(self, request: Request) -> Response:
        """Give the token for the one password."""
        if (await request.json())["password"] != PASSWORD:
            return problem(401, "wrong_credentials", "Email or password is wrong.")
        user = {"id": "u1", "email": "ann@example.org", "role": "user"}
        return JSONResponse({"user": user, "accessToken": TOKEN})

    def app(self) -> Starlette:
        """Return the ASGI application."""
        return Starlette(
            routes=[
                Route("/api/auth/login", self.login, methods=["POST"]),
                Route("/api/media", self.upload, methods=["POST"]),
                Route("/api/media", self.list_media),
                Route("/api/media/{media_id}/timeline", self.timeline),
                Route("/api/media/bulk", self.bulk, methods=["POST"]),
                Route("/api/media/jobs/{job_id}", self.job),
                Route("/api/media/{media_id}", self.media),
                Route("/api/auth/me", self.me),
                Route("/api/users/{user_id}/jobs", self.jobs_of_user),
            ]
        )


def media_view() -> dict[str, object]:
    """Return a finished medium as ingest shows it."""
    variant = {"name": "small", "url": "/media/m1/small", "mediaType": "image/webp"}
    return {
        "id": str(UUID(int=7)),
        "userId": "u1",
        "status": "READY",
        "storageStatus": "local",
        "kind": "image",
        "entityType": "general",
        "fileName": "photo.jpg",
        "mediaType": "image/jpeg",
        "sizeBytes": 5,
        "width": 640,
        "height": 480,
        "urls": {"small": "/media/m1/small"},
        "variants": [{**variant, "width": 320, "height": 240, "frames": 1, "sizeBytes": 3}],
        "createdAt": "2030-01-01T00:00:00Z",
    }


@asynccontextmanager
async def quick_client(url: str, *, attempts: int = 5) -> AsyncIterator[MediamillClient]:
    """Give a signed-in client whose pauses are short enough for tests."""
    policy = RetryPolicy(attempts=attempts, first_pause=0.01, longest_pause=0.05)
    async with MediamillClient(url, token=TOKEN, retry=policy) as client:
        yield client


def _parts(content_type: str, body: bytes) -> dict[str, tuple[str, bytes]]:
    return {
        field_name: (file_name, content) for field_name, file_name, content in _all_parts(content_type, body)
    }


def _files(content_type: str, body: bytes) -> list[tuple[str, bytes]]:
    return [
        (name, content)
        for field_name, name, content in _all_parts(content_type, body)
        if field_name == "files"
    ]


def _all_parts(content_type: str, body: bytes) -> Iterator[tuple[str, str, bytes]]:
    """Yield field, file name and content of each part."""
    document = message_from_bytes(f"Content-Type: {content_type}\r\n\r\n".encode() + body, policy=HTTP)
    for part in document.iter_parts():
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        name = str(part.get_param("name", header="content-disposition"))
        yield name, part.get_filename() or "", content
