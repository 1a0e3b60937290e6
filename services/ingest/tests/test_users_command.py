"""The operator's command for accounts, on a real database."""

import asyncio
import io
import sys

import pytest

from mediamill_catalog.tables import Role
from mediamill_database import Database
from mediamill_ingest.auth import users_command
from mediamill_ingest.auth.sessions import Session, Sessions, TooManyAttemptsError, WrongCredentialsError
from mediamill_runtime.identity import TokenIssuer

EMAIL, PASSWORD = "ada@example.org", "correct horse battery staple"


class Shell:
    """Runs the command as an operator does, and tries to sign in as a user does."""

    def __init__(self, url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._url = url
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    async def run(self, *arguments: str, stdin: str = "") -> tuple[int, str, str]:
        """Return the exit code and what was written; the command has an event loop of its own."""
        self._monkeypatch.setattr(sys, "argv", ["mediamill-users", "--url", self._url, *arguments])
        self._monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        try:
            code = await asyncio.to_thread(users_command.main)
        except SystemExit as end:
            code = int(str(end.code))
        written = self._capsys.readouterr()
        return code, written.out, written.err

    async def sign_in(self, password: str, email: str = EMAIL) -> Session:
        """Open a session, or raise what signing in raises."""
        database = Database(self._url)
        sessions = Sessions(database, TokenIssuer("a key " * 8, lifetime_seconds=60))
        try:
            return await sessions.sign_in(email, password, address="192.0.2.1")
        finally:
            await database.close()


@pytest.fixture
def shell(
    migrated_sqlite_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Shell:
    """Give a shell on a database without accounts."""
    return Shell(migrated_sqlite_url, monkeypatch, capsys)


async def test_an_account_is_made_listed_and_used(shell: Shell) -> None:
    """The password that is shown opens a session with the role that was asked for."""
    code, shown, _ = await shell.run("add", "Ada@Example.org", "--role", "admin")
    password = shown.removeprefix("password: ").strip()
    assert (code, len(password) >= 16) == (0, True)
    session = await shell.sign_in(password)
    assert (session.account.email, session.account.role) == (EMAIL, Role.ADMIN)
    _, listed, _ = await shell.run("list")
    assert listed == f"{EMAIL}\tadmin\tactive\t{session.account.id}\n"


async def test_who_lost_the_password_gets_in_again(shell: Shell) -> None:
    """A new password replaces the old one, and opens an account that was tried too often."""
    await shell.run("add", EMAIL, "--password-stdin", stdin=PASSWORD + "\n")
    for _ in range(10):
        with pytest.raises(WrongCredentialsError):
            await shell.sign_in("forgotten")
    with pytest.raises(TooManyAttemptsError):
        await shell.sign_in(PASSWORD)
    changed = "another long password"
    code, shown, _ = await shell.run("password", EMAIL, "--password-stdin", stdin=changed + "\n")
    assert (code, shown) == (0, "")
    assert (await shell.sign_in(changed)).account.email == EMAIL
    with pytest.raises(WrongCredentialsError):
        await shell.sign_in(PASSWORD)


async def test_accounts_are_closed_opened_and_promoted(shell: Shell) -> None:
    """Who is disabled signs in no more; a role counts from the next sign-in on."""
    await shell.run("add", EMAIL, "--password-stdin", stdin=PASSWORD + "\n")
    assert (await shell.run("disable", EMAIL))[0] == 0
    with pytest.raises(WrongCredentialsError):
        await shell.sign_in(PASSWORD)
    assert "\tdisabled\t" in (await shell.run("list"))[1]
    await shell.run("enable", EMAIL)
    await shell.run("role", EMAIL, "superadmin")
    assert (await shell.sign_in(PASSWORD)).account.role == Role.SUPERADMIN


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("disable", "nobody@example.org"), 1, "there is no account nobody@example.org"),
        (("add", EMAIL), 1, f"there is an account {EMAIL} already"),
        (("add", "nobody"), 2, "not an e-mail address"),
        (("role", EMAIL, "emperor"), 2, "invalid choice"),
        (("password", EMAIL, "--password-stdin"), 2, "at least 12 characters"),
    ],
)
async def test_refusals_name_their_reason(
    shell: Shell, arguments: tuple[str, ...], code: int, words: str
) -> None:
    """One sentence and an exit code; nothing is changed."""
    await shell.run("add", EMAIL, "--password-stdin", stdin=PASSWORD + "\n")
    ended, out, err = await shell.run(*arguments, stdin="short\n")
    assert (ended, out) == (code, "")
    assert words in err
    assert (await shell.sign_in(PASSWORD)).account.role == Role.USER
