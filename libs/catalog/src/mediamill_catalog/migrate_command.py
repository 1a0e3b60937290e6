"""`mediamill-migrate`: what an operator runs before the services of a release start."""

import argparse
import os
import sys

from mediamill_catalog.migrate import upgrade
from mediamill_catalog.shell import run_command


def main() -> int:
    """Run as `mediamill-migrate [URL]`; the URL defaults to DATABASE_URL."""
    parser = argparse.ArgumentParser(
        prog="mediamill-migrate", description="Bring Mediamill's database to the schema of this release."
    )
    parser.add_argument(
        "url", nargs="?", default=os.environ.get("DATABASE_URL"), help="default: DATABASE_URL"
    )
    url = parser.parse_args().url
    if not url:
        parser.error("give the database's URL or set DATABASE_URL")
    return run_command("mediamill-migrate", _migrate(url))


async def _migrate(url: str) -> int:
    sys.stdout.write(f"schema is at revision {await upgrade(url)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
