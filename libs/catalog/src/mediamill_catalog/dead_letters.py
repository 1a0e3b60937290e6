"""What an operator does with dead letters from a shell: look at them, send them again, close them."""

import argparse
import getpass
import os
import sys
from datetime import UTC, datetime

from sqlalchemy import select

from mediamill_catalog.recovery import replay_dead_letter
from mediamill_catalog.shell import run_command
from mediamill_catalog.tables import utc_now
from mediamill_database import Database
from mediamill_outbox import DeadLetterClosedError, discard
from mediamill_outbox.tables import dead_letter

_OPEN = "open"
_MOST_ROWS = 200


def main() -> int:
    """Run as `mediamill-dead-letters list`, `replay ID…` or `discard ID…` on the database of DATABASE_URL."""
    arguments = _arguments()
    return run_command("mediamill-dead-letters", _run(arguments.url, arguments.action, arguments.ids))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="mediamill-dead-letters", description="List, replay or discard messages that were given up."
    )
    parser.add_argument("--url", default=os.environ.get("DATABASE_URL"), help="default: DATABASE_URL")
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("list", help="show the oldest open letters").set_defaults(ids=[])
    for name, text in (("replay", "send back to the queue that failed"), ("discard", "close for good")):
        actions.add_parser(name, help=text).add_argument("ids", type=int, nargs="+", metavar="ID")
    arguments = parser.parse_args()
    if not arguments.url:
        parser.error("give the database's URL with --url or set DATABASE_URL")
    return arguments


async def _run(url: str, action: str, ids: list[int]) -> int:
    database = Database(url)
    try:
        if action == "list":
            await _list(database)
            return 0
        closed = [await _close(database, action, identity) for identity in ids]
        return 0 if all(closed) else 1
    finally:
        await database.close()


async def _list(database: Database) -> None:
    columns = (
        dead_letter.c.id,
        dead_letter.c.dead_at,
        dead_letter.c.queue,
        dead_letter.c.type,
        dead_letter.c.code,
        dead_letter.c.error,
    )
    statement = (
        select(*columns).where(dead_letter.c.status == _OPEN).order_by(dead_letter.c.id).limit(_MOST_ROWS)
    )
    async with database.read() as session:
        for row in await session.execute(statement):
            when = datetime.fromtimestamp(row.dead_at, UTC).isoformat(timespec="seconds")
            error = row.error.replace("\n", " ")
            sys.stdout.write(f"{row.id}\t{when}\t{row.queue}\t{row.type}\t{row.code}\t{error}\n")


async def _close(database: Database, action: str, identity: int) -> bool:
    try:
        async with database.write() as session:
            if action == "replay":
                await replay_dead_letter(session, identity, actor=getpass.getuser(), now=utc_now())
            else:
                await discard(session, identity, getpass.getuser())
    except DeadLetterClosedError as error:
        sys.stderr.write(f"{error}\n")
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
