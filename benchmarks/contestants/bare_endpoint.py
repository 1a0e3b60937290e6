"""The limit of accepting: a FastAPI endpoint that parses the form as it streams in and writes the file.

Nothing is checked, hashed, synced, recorded or announced.
"""

import os
import secrets
from pathlib import Path

import uvicorn
from fastapi import FastAPI, Request
from multipart import MultipartSegment, PushMultipartParser

app = FastAPI()
_folder = Path(os.environ.get("BENCH_FOLDER", "/nonexistent"))


@app.post("/upload", status_code=202)
async def upload(request: Request) -> dict[str, str]:
    """Write the form's file to disk under a new name."""
    boundary = request.headers["content-type"].partition("boundary=")[2]
    parser = PushMultipartParser(boundary)
    target = _folder / secrets.token_hex(16)
    is_file = False
    with target.open("wb", buffering=0) as file:
        async for chunk in request.stream():
            for event in parser.parse(chunk):
                if isinstance(event, MultipartSegment):
                    is_file = event.filename is not None
                elif event and is_file:
                    file.write(event)
    return {"name": target.name}


if __name__ == "__main__":
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=int(os.environ["BENCH_PORT"]),
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
    )
