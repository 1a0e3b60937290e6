"""The command as people and scripts meet it, one file or job at a time."""

import json
import signal
import stat
from pathlib import Path

import pytest
from starlette.responses import JSONResponse

from mediamill_testing.ports import free_port
from mediamill_testing.waiting import eventually

from .command import Command
from .mini_server import PASSWORD, TOKEN, MiniServer, media_view, problem


@pytest.fixture
def stranger(tmp_path: Path, server: MiniServer) -> Command:
    """Return a command of somebody who never signed in."""
    return Command(tmp_path / "home", {"MEDIAMILL_URL": server.url})


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """Return a file."""
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"photo" * 100)
    return path


async def test_login_keeps_the_token_for_its_owner_alone(stranger: Command, photo: Path) -> None:
    """After a login the next command is signed in, and nobody else can read why."""
    arguments = ("login", "--email", "ann@example.org", "--password-stdin")
    login = await stranger.run_process(*arguments, stdin=PASSWORD + "\n")
    upload = await stranger.run_process("upload", str(photo))
    assert (login.code, upload.code) == (0, 0)
    assert "ann@example.org" in login.out
    assert stat.S_IMODE(stranger.credentials.stat().st_mode) == 0o600
    assert [path.name for path in stranger.credentials.parent.iterdir()] == ["credentials.json"]
    assert TOKEN not in login.out + login.err + upload.out + upload.err


async def test_wrong_password_is_told_and_not_shown(stranger: Command) -> None:
    """A refused login exits 2, stores nothing and does not repeat the password."""
    ended = await stranger.run("login", "--email", "ann@example.org", "--password-stdin", stdin="hunter2\n")
    assert ended.code == 2
    assert "wrong" in ended.err
    assert "hunter2" not in ended.out + ended.err
    assert not stranger.credentials.exists()


async def test_stored_token_goes_only_where_it_came_from(stranger: Command, photo: Path) -> None:
    """Another address gets no token, and the person is told to sign in there."""
    await stranger.run("login", "--email", "ann@example.org", "--password-stdin", stdin=PASSWORD + "\n")
    ended = await stranger.run("--url", f"http://127.0.0.1:{free_port()}", "upload", str(photo))
    assert ended.code == 2
    assert "mediamill login" in ended.err


async def test_email_and_password_of_the_environment_sign_in(
    stranger: Command, server: MiniServer, photo: Path
) -> None:
    """A script needs no login of its own, and leaves none behind."""
    stranger.environment.update(MEDIAMILL_EMAIL="ann@example.org", MEDIAMILL_PASSWORD=PASSWORD)
    ended = await stranger.run("upload", str(photo))
    assert ended.code == 0
    assert len(server.files) == 1
    assert not stranger.credentials.exists()


async def test_upload_without_a_login_says_what_to_do(stranger: Command, photo: Path) -> None:
    """Who never signed in is told how."""
    ended = await stranger.run("upload", str(photo))
    assert ended.code == 2
    assert "mediamill login" in ended.err


async def test_expired_token_says_what_to_do(stranger: Command, photo: Path) -> None:
    """A token that the server no longer takes leads to the same advice, and is not shown."""
    stranger.environment["MEDIAMILL_TOKEN"] = "expired-token"
    ended = await stranger.run("upload", str(photo))
    assert ended.code == 2
    assert "mediamill login" in ended.err
    assert "expired-token" not in ended.err


async def test_unusable_token_is_not_shown(stranger: Command, photo: Path) -> None:
    """A token that was pasted with a line end inside is refused before any error could show it."""
    stranger.environment["MEDIAMILL_TOKEN"] = "secret\npart"
    ended = await stranger.run("upload", str(photo))
    assert ended.code == 2
    assert "MEDIAMILL_TOKEN" in ended.err
    assert "secret" not in ended.err


async def test_upload_waits_and_prints_the_addresses(
    command: Command, server: MiniServer, photo: Path
) -> None:
    """With --wait the answer is where the variants are; without a terminal there are only plain lines."""
    ended = await command.run("upload", "--wait", str(photo))
    assert ended.code == 0
    assert f"{photo}: ready" in ended.out
    assert f"small: 320 x 240 {server.url}/media/m1/small" in ended.out
    assert "\x1b" not in ended.out + ended.err
    assert f"{photo}: uploading" in ended.err


async def test_json_prints_one_object_a_file(command: Command, tmp_path: Path) -> None:
    """A program reads one JSON object a line, whatever the order of the ends."""
    paths = []
    for number in range(5):
        path = tmp_path / f"{number}.jpg"
        path.write_bytes(b"photo %d" % number)
        paths.append(str(path))
    ended = await command.run_process("upload", "--json", "--wait", "--parallel", "2", *paths)
    documents = [json.loads(line) for line in ended.out.splitlines()]
    assert sorted(document["name"] for document in documents) == paths
    assert {document["status"] for document in documents} == {"completed"}
    assert documents[0]["result"]["variants"][0]["url"] == "/media/m1/small"


async def test_one_refused_file_does_not_stop_the_others(
    command: Command, server: MiniServer, photo: Path, tmp_path: Path
) -> None:
    """The good file arrives, the bad one is named with its code, and the exit code says so."""
    empty = tmp_path / "empty.jpg"
    empty.touch()
    ended = await command.run_process("upload", str(empty), str(photo))
    assert ended.code == 1
    assert f"{empty}: refused, The file is empty. (empty_file)" in ended.out
    assert f"{photo}: accepted" in ended.out
    assert len(server.files) == 1


async def test_failed_processing_is_told(command: Command, server: MiniServer) -> None:
    """A job that ends in a verdict exits 1 with the reason."""
    error = {"code": "truncated_image", "detail": "The picture ends too early."}
    job_id = server.new_job({"status": "active", "progress": 10}, {"status": "failed", "error": error})
    ended = await command.run("watch", str(job_id))
    assert ended.code == 1
    assert "failed, The picture ends too early. (truncated_image)" in ended.out


async def test_watch_without_a_job_follows_what_is_unfinished(command: Command, server: MiniServer) -> None:
    """More jobs than fit on one page are all followed; what was finished before is not told again."""
    running = {str(server.new_job({"status": "active"}, {"status": "completed"})) for _ in range(5)}
    server.new_job({"status": "completed"})
    ended = await command.run("watch", "--json")
    assert ended.code == 0
    assert {json.loads(line)["jobId"] for line in ended.out.splitlines()} == running


async def test_status_knows_jobs_and_media(command: Command, server: MiniServer) -> None:
    """One command answers for both kinds of id."""
    job_id = server.new_job({"status": "active", "progress": 40})
    job = await command.run("status", str(job_id))
    media = await command.run("status", str(media_view()["id"]))
    unknown = await command.run("status", "00000000-0000-0000-0000-000000000001")
    assert job.out == "active, 40 %\n"
    assert media.out.startswith("READY, image/jpeg, 640 x 480, photo.jpg\n  small: 320 x 240 http")
    assert (job.code, media.code, unknown.code) == (0, 0, 1)


async def test_unreachable_server_has_its_own_exit_code(command: Command, photo: Path) -> None:
    """A script can tell a server that is away from a file that is bad."""
    command.environment["MEDIAMILL_URL"] = f"http://127.0.0.1:{free_port()}"
    ended = await command.run_process("upload", str(photo))
    assert ended.code == 3
    assert "no answer to POST" in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("upload",),
        ("upload", "/there/is/no/such.jpg"),
        ("status", "not-an-id"),
        ("upload", "--parallel", "0", __file__),
        ("--url", "nonsense", "upload", __file__),
        ("fly",),
    ],
)
async def test_wrong_usage_is_explained(command: Command, arguments: tuple[str, ...]) -> None:
    """Mistakes on the command line exit 2 with a sentence and no traceback."""
    ended = await command.run(*arguments)
    assert ended.code == 2
    assert "Error:" in ended.err
    assert "Traceback" not in ended.err


async def test_file_names_cannot_steer_the_terminal(command: Command, tmp_path: Path) -> None:
    """Escape sequences in a name are shown as harmless signs."""
    path = tmp_path / "a\x1b[2Jb.jpg"
    path.write_bytes(b"x")
    ended = await command.run("upload", str(path))
    assert ended.code == 0
    assert "\x1b" not in ended.out + ended.err


async def test_interrupt_ends_cleanly(command: Command, server: MiniServer) -> None:
    """Ctrl-C while waiting exits 130 with one word and no traceback."""
    job_id = server.new_job({"status": "active", "progress": 10})
    process = await command.start("watch", str(job_id))
    await eventually(lambda: server.looks > 0)
    process.send_signal(signal.SIGINT)
    _, err = await process.communicate()
    assert process.returncode == 130
    assert b"Interrupted." in err
    assert b"Traceback" not in err


async def test_interrupted_upload_says_what_goes_on(
    command: Command, server: MiniServer, photo: Path
) -> None:
    """Who stops waiting for accepted pictures is told that they are processed all the same."""
    server.slow = True
    process = await command.start("upload", "--wait", str(photo))
    await eventually(lambda: server.looks > 0)
    process.send_signal(signal.SIGINT)
    _, err = await process.communicate()
    assert process.returncode == 130
    assert b"mediamill watch" in err


async def test_terminal_shows_bars(command: Command, photo: Path) -> None:
    """Where a person watches, progress is a bar on standard error and results stay on standard output."""
    ended = await command.run_in_terminal("upload", "--wait", str(photo))
    assert ended.code == 0
    assert "━" in ended.err
    assert f"{photo}: ready" in ended.out


async def test_busy_server_is_waited_for(command: Command, server: MiniServer, photo: Path) -> None:
    """A moment of 503 is nobody's concern."""
    server.script.extend([problem(503, "unavailable"), JSONResponse({}, 502)])
    assert (await command.run("upload", str(photo))).code == 0
    assert len(server.files) == 1


async def test_version_is_told(command: Command) -> None:
    """`--version` names the program and its version."""
    assert (await command.run_process("--version")).out.startswith("mediamill, version ")


async def test_a_login_that_cannot_be_kept_is_told(stranger: Command, photo: Path) -> None:
    """Where nothing can be written or read, the command says so in one sentence and names another way."""
    folder = stranger.credentials.parent.parent
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.write_text("a file in the place of the folder")
    arguments = ("login", "--email", "ann@example.org", "--password-stdin")
    login = await stranger.run(*arguments, stdin=PASSWORD + "\n")
    upload = await stranger.run("upload", str(photo))
    assert (login.code, upload.code) == (2, 2)
    assert "MEDIAMILL_TOKEN" in login.err
    assert "mediamill login" in upload.err
    assert "Traceback" not in login.err + upload.err


async def test_a_script_that_forgot_the_password_is_told(stranger: Command) -> None:
    """Without a person to ask, the command names the ways to give a password instead of waiting for one."""
    ended = await stranger.run("login", "--email", "ann@example.org", stdin="")
    assert ended.code == 2
    assert "--password-stdin" in ended.err
