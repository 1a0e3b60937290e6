"""The examples that people copy do what they say, and the README shows exactly them."""

import asyncio
import json
import os
import re
import shutil
import sys
from contextlib import suppress
from pathlib import Path
from uuid import UUID

import pytest

from mediamill_client.api import MediamillClient
from mediamill_client.errors import NotFoundError
from mediamill_client.models import Media
from mediamill_testing.photos import PhotoCorpus
from mediamill_testing.system import ADMIN_EMAIL, ADMIN_PASSWORD, MediamillSystem
from mediamill_testing.waiting import eventually

ROOT = Path(__file__).parents[3]
EXAMPLES = ROOT / "examples"
LINKED = re.compile(r"^  \w+: \d+ x \d+ (http\S+)$", re.MULTILINE)


@pytest.fixture
def environment(system: MediamillSystem, tmp_path: Path) -> dict[str, str]:
    """Return what the examples' headings ask for."""
    return {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "MEDIAMILL_URL": system.ingest.url,
        "MEDIAMILL_EMAIL": ADMIN_EMAIL,
        "MEDIAMILL_PASSWORD": ADMIN_PASSWORD,
        "BROKER_URL": system.broker_url_of("gateway"),
        "STORAGE_ROOT": str(system.storage),
    }


async def run(*command: str, environment: dict[str, str]) -> str:
    """Run an example to its good end and return what it printed."""
    process = await asyncio.create_subprocess_exec(
        *command, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode() + out.decode()
    return out.decode()


async def test_shell_example(environment: dict[str, str], photo_corpus: PhotoCorpus) -> None:
    """Every picture becomes ready and is listed with addresses; the JSON lines can be read."""
    photos = [str(photo.path) for photo in photo_corpus.photos(3)]
    out = await run("sh", str(EXAMPLES / "cli.sh"), *photos, environment=environment)
    for photo in photos:
        assert f"{photo}: ready" in out
    assert len(LINKED.findall(out)) >= 3
    last = json.loads(out.splitlines()[-1])
    assert (last["name"], last["status"]) == (photos[0], "completed")


async def test_folder_example(environment: dict[str, str], photo_corpus: PhotoCorpus, tmp_path: Path) -> None:
    """Every picture of the folder becomes ready and is in the report; the second time nothing is sent."""
    folder, report = tmp_path / "summer", tmp_path / "report.json"
    (folder / "beach").mkdir(parents=True)
    for photo in photo_corpus.photos(3):
        shutil.copy(photo.path, folder / "beach" / photo.path.name)
    command = ("sh", str(EXAMPLES / "folder.sh"), str(folder), str(report))
    first = await run(*command, environment=environment)
    again = await run(*command, environment=environment)
    assert "3 accepted (0 by an earlier run), 3 ready, 0 refused" in first
    assert "3 accepted (3 by an earlier run), 3 ready, 0 refused" in again
    assert [file["status"] for file in json.loads(report.read_text())["files"]] == ["ready"] * 3


async def test_python_example(environment: dict[str, str], photo_corpus: PhotoCorpus) -> None:
    """The upload is followed to its end and the variants are listed."""
    photo = photo_corpus.photos(1)[0]
    out = await run(sys.executable, str(EXAMPLES / "upload.py"), str(photo.path), environment=environment)
    assert "completed 100 %" in out
    assert f"{environment['MEDIAMILL_URL']}/media/" in out


async def test_gateway_example(
    environment: dict[str, str], system: MediamillSystem, photo_corpus: PhotoCorpus
) -> None:
    """A file that never went through HTTP becomes the user's medium all the same."""
    photo = photo_corpus.photos(1)[0]
    async with MediamillClient(system.ingest.url) as client:
        user = (await client.login(ADMIN_EMAIL, ADMIN_PASSWORD)).user
        gateway = str(EXAMPLES / "gateway.py")
        out = await run(sys.executable, gateway, user.id, str(photo.path), environment=environment)
        media_id = re.search(r"medium (\S+),", out)
        assert media_id is not None
        media = await eventually(lambda: _ready(client, UUID(media_id[1])))
    assert media is not None
    assert (media.file_name, media.entity_type) == (photo.path.name, "listing")


@pytest.mark.parametrize("readme", ["README.md", "libs/client/README.md"])
@pytest.mark.parametrize("example", ["cli.sh", "folder.sh", "upload.py", "gateway.py"])
def test_readme_shows_the_example(readme: str, example: str) -> None:
    """What a person copies from the page is what the tests above ran."""
    language = "sh" if example.endswith(".sh") else "python"
    block = f"```{language}\n{(EXAMPLES / example).read_text()}```\n"
    assert block in (ROOT / readme).read_text()


async def _ready(client: MediamillClient, media_id: UUID) -> Media | None:
    with suppress(NotFoundError):
        media = await client.media(media_id)
        return media if media.status == "READY" else None
    return None
