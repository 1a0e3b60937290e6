"""`mediamill upload DIR`: everything arrives, once, however often it is interrupted."""

import json
import re
import signal
from pathlib import Path

import pytest

from mediamill_testing.ports import free_port
from mediamill_testing.waiting import eventually

from .command import Command
from .cutting_proxy import CuttingProxy
from .mini_server import MiniServer, problem

COUNT = 120
"""Files: three requests."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder of pictures that differ, in folders below it."""
    folder = tmp_path / "holiday"
    for number in range(COUNT):
        path = folder / f"day{number % 3}" / f"{number:03}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"photo %d" % number)
    return folder


def _contents(server: MiniServer) -> list[bytes]:
    return sorted(content for _, content in server.files.values())


def _expected(folder: Path) -> list[bytes]:
    return sorted(path.read_bytes() for path in folder.rglob("*.jpg"))


async def test_a_folder_is_sent_once(command: Command, server: MiniServer, folder: Path) -> None:
    """Every picture arrives in a few requests; the next run sends nothing, and says so."""
    first = await command.run("upload", str(folder))
    requests = len(server.bodies)
    second = await command.run("upload", str(folder))
    assert (first.code, second.code) == (0, 0)
    assert _contents(server) == _expected(folder)
    assert requests == 3
    assert len(server.bodies) == requests
    assert f"{COUNT} files, {COUNT} accepted (0 by an earlier run)" in first.out
    assert f"{COUNT} accepted ({COUNT} by an earlier run)" in second.out


async def test_refusals_are_reported_and_tried_again(
    command: Command, server: MiniServer, folder: Path, tmp_path: Path
) -> None:
    """Each with code and reason, on standard output and in the report; the next run sends them alone."""
    (folder / "day0" / "bad.jpg").write_bytes(b"MZ")
    (folder / "empty.jpg").touch()
    (folder / "notes.txt").write_text("not a picture")
    report = tmp_path / "report.json"
    first = await command.run("upload", "--report", str(report), str(folder))
    assert first.code == 1
    assert "day0/bad.jpg: refused, It is no picture. (unsupported_type)" in first.out
    told = json.loads(report.read_text())
    counts = {"files": COUNT + 2, "accepted": COUNT, "refused": 2, "skipped": 1, "notSent": 0, "ready": 0}
    assert told["counts"].items() >= counts.items()
    refused = {file["name"]: file["error"]["code"] for file in told["files"] if file["status"] == "refused"}
    assert refused == {"day0/bad.jpg": "unsupported_type", "empty.jpg": "empty_file"}
    assert told["skipped"] == ["notes.txt"]
    server.bodies.clear()
    (folder / "day0" / "bad.jpg").unlink()
    (folder / "empty.jpg").write_bytes(b"no more")
    assert (await command.run("upload", str(folder))).code == 0
    assert len(server.bodies) == 1
    assert _contents(server) == _expected(folder)


async def test_a_kill_before_the_answer_costs_nothing(
    command: Command, server: MiniServer, folder: Path
) -> None:
    """What the server has taken over, unknown to the killed run, is not taken over twice.

    Files that changed or went since do not shift the others.
    """
    server.release.clear()
    process = await command.start("upload", "--parallel", "2", str(folder))
    await eventually(lambda: len(server.files) == 100)
    process.kill()
    await process.communicate()
    server.release.set()
    changed, gone = folder / "day0" / "000.jpg", folder / "day0" / "003.jpg"
    before = {changed.read_bytes(), gone.read_bytes()}
    changed.write_bytes(b"another content")
    gone.unlink()
    ended = await command.run("upload", str(folder))
    assert ended.code == 0
    assert _contents(server) == sorted([*_expected(folder), *before])


async def test_going_on_after_days_sends_nothing_twice(
    command: Command, server: MiniServer, folder: Path, tmp_path: Path
) -> None:
    """The server has forgotten the requests that were killed: what arrived is found by its content.

    A file that was changed since is sent, and of two that are alike each is there once.
    """
    (folder / "day0" / "000.jpg").write_bytes((folder / "day1" / "001.jpg").read_bytes())
    server.release.clear()
    state = tmp_path / "state"
    process = await command.start("upload", "--parallel", "2", "--state", str(state), str(folder))
    await eventually(lambda: len(server.files) == 100)
    process.kill()
    await process.communicate()
    server.release.set()
    server.forget_keys()
    state.write_text(re.sub(r'"at": \d+', '"at": 1700000000', state.read_text()))
    changed = folder / "day0" / "006.jpg"
    before = changed.read_bytes()
    changed.write_bytes(b"another content")
    ended = await command.run("upload", "--wait", "--state", str(state), str(folder))
    assert ended.code == 0, ended.err
    assert f"{COUNT} files, {COUNT} accepted (0 by an earlier run), {COUNT} ready" in ended.out
    assert _contents(server) == sorted([*_expected(folder), before])


async def test_a_busy_server_and_a_bad_line_are_waited_for(
    command: Command, server: MiniServer, proxy: CuttingProxy, folder: Path
) -> None:
    """429 with its `Retry-After`, 503, connections that die in the middle, and answers that are lost."""
    command.environment["MEDIAMILL_URL"] = proxy.url
    server.script.extend([problem(429, "rate_limited", headers={"Retry-After": "0"}), problem(503, "busy")])
    proxy.cut_after_sent.extend([100_000, 2_000])
    proxy.cut_answers = 1
    ended = await command.run("upload", "--parallel", "1", str(folder))
    assert ended.code == 0
    assert _contents(server) == _expected(folder)


async def test_a_server_that_takes_fewer_files_gets_fewer(
    command: Command, server: MiniServer, folder: Path
) -> None:
    """A limit of its operator makes more requests, no refusals."""
    server.most_files = 20
    ended = await command.run("upload", str(folder))
    assert ended.code == 0
    assert _contents(server) == _expected(folder)


async def test_waiting_tells_how_each_file_ended(command: Command, server: MiniServer, folder: Path) -> None:
    """Also of those that an earlier run has sent; what is known already is not asked again."""
    (folder / "corrupt.jpg").write_bytes(b"half")
    assert (await command.run("upload", str(folder))).code == 0
    first = await command.run("upload", "--wait", "--json", str(folder))
    documents = {file["name"]: file for file in map(json.loads, first.out.splitlines())}
    looks = server.looks
    second = await command.run("upload", "--wait", str(folder))
    assert (first.code, second.code) == (1, 1)
    assert documents.pop("corrupt.jpg")["error"] == {"code": "corrupt", "detail": "It cannot be decoded."}
    assert len(documents) == COUNT
    assert {file["status"] for file in documents.values()} == {"ready"}
    assert server.looks == looks
    assert f"{COUNT} ready, 1 refused" in second.out


async def test_an_interrupt_leaves_a_report(
    command: Command, server: MiniServer, folder: Path, tmp_path: Path
) -> None:
    """Ctrl-C exits 130 and says how to go on; the report tells what is known until then."""
    server.slow = True
    report = tmp_path / "report.json"
    process = await command.start("upload", "--wait", "--report", str(report), str(folder))
    await eventually(lambda: server.looks > 0)
    process.send_signal(signal.SIGINT)
    _, err = await process.communicate()
    assert process.returncode == 130
    assert b"Run the same command again" in err
    assert json.loads(report.read_text())["counts"]["accepted"] == COUNT


async def test_a_server_that_does_not_know_the_caller_ends_the_run(
    command: Command, server: MiniServer, folder: Path
) -> None:
    """No file is blamed for an expired token, and the exit code is that of a missing login."""
    server.script.append(problem(401, "not_authenticated", "Sign in."))
    ended = await command.run("upload", "--parallel", "1", str(folder))
    assert ended.code == 2
    assert f"0 accepted (0 by an earlier run), 0 ready, 0 refused, {COUNT} not sent" in ended.out
    assert (await command.run("upload", str(folder))).code == 0


async def test_a_server_that_is_not_there_is_told_at_once(command: Command, folder: Path) -> None:
    """Patience is for a server that goes away, not for a mistake in its address."""
    command.environment["MEDIAMILL_URL"] = f"http://127.0.0.1:{free_port()}"
    ended = await command.run("upload", str(folder))
    assert ended.code == 3
    assert "no answer to GET" in ended.err


async def test_one_run_at_a_time(command: Command, server: MiniServer, folder: Path) -> None:
    """A second command over the same folder is turned away while the first is at work."""
    server.release.clear()
    first = await command.start("upload", str(folder))
    await eventually(lambda: bool(server.files))
    second = await command.run("upload", str(folder))
    server.release.set()
    await first.communicate()
    assert (first.returncode, second.code) == (0, 2)
    assert "Another command is uploading this folder" in second.err
    assert _contents(server) == _expected(folder)


async def test_a_terminal_shows_how_much_is_left(command: Command, folder: Path) -> None:
    """Where a person watches, there are bars with totals; the report stays on standard output."""
    ended = await command.run_in_terminal("upload", "--wait", str(folder))
    assert ended.code == 0
    assert f"{COUNT} of {COUNT} files" in ended.err
    assert f"{COUNT} ready" in ended.out


@pytest.mark.parametrize(
    "arguments",
    [
        ("--presigned", "{folder}"),
        ("{folder}", "{folder}/day0/000.jpg"),
        ("--state", "s", __file__),
        ("--report", "{folder}/no/such/report.json", "{folder}"),
        ("--state", __file__, "{folder}"),
    ],
)
async def test_wrong_usage_is_explained(command: Command, folder: Path, arguments: tuple[str, ...]) -> None:
    """What does not go together is said before anything is sent."""
    ended = await command.run("upload", *(argument.format(folder=folder) for argument in arguments))
    assert ended.code == 2
    assert "Error:" in ended.err


async def test_a_journal_that_cannot_be_kept_is_told(
    command: Command, server: MiniServer, folder: Path, tmp_path: Path
) -> None:
    """Nothing is sent that would not be remembered, and one sentence names the place and the reason."""
    (tmp_path / "file").touch()
    ended = await command.run("upload", "--state", str(tmp_path / "file" / "journal"), str(folder))
    assert (ended.code, len(server.bodies)) == (2, 0)
    assert str(tmp_path / "file") in ended.err
    assert "Traceback" not in ended.err
