"""Uploads to an ingest whose storage is a disk of two megabytes: run in a mount namespace of its own.

Prints one JSON list: status and code of each upload, and how many files were left after it.
"""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import httpx
from pydantic import SecretStr

from mediamill_catalog.migrate import upgrade
from mediamill_database import Database
from mediamill_ingest.main import build_parts
from mediamill_ingest.settings import UploadSettings
from mediamill_runtime.identity import TokenIssuer
from mediamill_runtime.settings import load_settings
from mediamill_storage.local import LocalObjectStore

KEY = "a key for the tests that is long enough"


async def main(root: Path, database_file: Path, photo: Path) -> None:
    """Upload while there is room, while there is none, and when there is room again."""
    url = f"sqlite+aiosqlite:///{database_file}"
    await upgrade(url)
    database, store = Database(url), LocalObjectStore(root)
    settings = load_settings(
        UploadSettings, env="test", jwt_secret=SecretStr(KEY), database_url=SecretStr(url), storage_root=root
    )
    parts = build_parts(settings, database, store)
    filler, content = root / "filler", _read(photo)
    seen = []
    token = TokenIssuer(KEY, lifetime_seconds=600).issue("anna", "user")
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=parts.app),
        base_url="http://ingest",
        headers={"Authorization": f"Bearer {token}"},
    ) as client:
        for step in ("room", "full", "room again"):
            if step == "full":
                _fill(filler)
            answer = await client.post("/api/media", files={"file": ("a.jpg", content, "image/jpeg")})
            seen.append([answer.status_code, answer.json().get("code"), _files_left(root, filler)])
    await store.close()
    await database.close()
    sys.stdout.write(json.dumps(seen))


def _read(path: Path) -> bytes:
    return path.read_bytes()


def _files_left(root: Path, filler: Path) -> int:
    filler.unlink(missing_ok=True)
    return sum(path.is_file() for path in root.rglob("*"))


def _fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            return


if __name__ == "__main__":
    folder, database_file, photo = map(Path, sys.argv[1:])
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)], check=True)
    asyncio.run(main(folder, database_file, photo))
