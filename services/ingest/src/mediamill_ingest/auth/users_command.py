"""`mediamill-users`: the accounts of an installation that has no identity provider, from a shell.

Besides making accounts it is the way back in for whoever has lost the first password.
"""

import argparse
import getpass
import os
import secrets
import sys

from mediamill_catalog.revision import require_current
from mediamill_catalog.shell import FAILED, run_command
from mediamill_catalog.tables import Role
from mediamill_database import Database
from mediamill_ingest.auth.accounts import AccountExistsError, Accounts, UnknownAccountError
from mediamill_runtime.secrets import MIN_PASSWORD_CHARACTERS

_RANDOM_BYTES = 15


def main() -> int:
    """Run one action on the database of DATABASE_URL; 1 when it was refused, 2 for wrong usage."""
    return run_command("mediamill-users", _run(_arguments()))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="mediamill-users",
        description="List, add and change the accounts that sign in with a password.",
        epilog="A new password is random and shown once, unless --password-stdin gives it.",
    )
    parser.add_argument("--url", default=os.environ.get("DATABASE_URL"), help="default: DATABASE_URL")
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("list", help="show all accounts")
    roles = [role.value for role in Role]
    for name, text in (
        ("add", "make an account"),
        ("password", "give an account another password"),
        ("role", "give an account another role"),
        ("disable", "let an account sign in no more"),
        ("enable", "let it sign in again"),
    ):
        action = actions.add_parser(name, help=text)
        action.add_argument("email", metavar="EMAIL", type=_email)
        if name in {"add", "password"}:
            action.add_argument("--password-stdin", action="store_true", help="read the password from stdin")
        if name == "add":
            action.add_argument("--role", choices=roles, default=Role.USER.value, help="default: user")
        if name == "role":
            action.add_argument("role", choices=roles)
    arguments = parser.parse_args()
    if not arguments.url:
        parser.error("give the database's URL with --url or set DATABASE_URL")
    if getattr(arguments, "password_stdin", False):
        arguments.password = sys.stdin.readline().rstrip("\r\n")
        if len(arguments.password) < MIN_PASSWORD_CHARACTERS:
            parser.error(f"the password needs at least {MIN_PASSWORD_CHARACTERS} characters")
    return arguments


def _email(text: str) -> str:
    if "@" not in text or not text.isprintable() or not 3 <= len(text) <= 254:
        raise argparse.ArgumentTypeError("not an e-mail address")
    return text


async def _run(arguments: argparse.Namespace) -> int:
    database = Database(arguments.url)
    try:
        await require_current(database)
        await _act(Accounts(database, actor=getpass.getuser()), arguments)
    except UnknownAccountError as error:
        sys.stderr.write(f"there is no account {error}\n")
        return FAILED
    except AccountExistsError as error:
        sys.stderr.write(f"there is an account {error} already\n")
        return FAILED
    finally:
        await database.close()
    return 0


async def _act(accounts: Accounts, arguments: argparse.Namespace) -> None:
    match arguments.action:
        case "list":
            for user in await accounts.list():
                state = "active" if user.disabled_at is None else "disabled"
                sys.stdout.write(f"{user.email}\t{user.role.value}\t{state}\t{user.id}\n")
        case "add":
            chosen, shown = _password(arguments)
            await accounts.add(arguments.email, chosen, Role(arguments.role))
            sys.stdout.write(shown)
        case "password":
            chosen, shown = _password(arguments)
            await accounts.set_password(arguments.email, chosen)
            sys.stdout.write(shown)
        case "role":
            await accounts.set_role(arguments.email, Role(arguments.role))
        case action:
            await accounts.set_disabled(arguments.email, disabled=action == "disable")


def _password(arguments: argparse.Namespace) -> tuple[str, str]:
    """Return the password, and what to show of it."""
    if arguments.password_stdin:
        return arguments.password, ""
    made = secrets.token_urlsafe(_RANDOM_BYTES)
    return made, f"password: {made}\n"


if __name__ == "__main__":
    sys.exit(main())
