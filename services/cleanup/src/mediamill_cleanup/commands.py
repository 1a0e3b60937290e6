"""What an operator does from a shell: see when duties are due and what they did, and run one now."""

import argparse
import asyncio
import json
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

from mediamill_catalog import schedules
from mediamill_catalog.revision import SchemaNotCurrentError, require_current
from mediamill_catalog.tables import utc_now
from mediamill_cleanup.duty import Run
from mediamill_cleanup.main import CleanupParts, build_parts
from mediamill_cleanup.reconciliation.reconcile import reconcile
from mediamill_cleanup.reconciliation.scope import Scope
from mediamill_cleanup.report import Report
from mediamill_cleanup.settings import DutySettings
from mediamill_database import Database
from mediamill_runtime.logging import configure_logging
from mediamill_runtime.settings import SettingsError, load_settings
from mediamill_storage.local import LocalObjectStore
from mediamill_storage.s3.stores import S3Stores

EXIT_BUSY = 1
EXIT_USAGE = 2


def run_command(arguments: Sequence[str]) -> int:
    """Carry a command out on the installation that the environment describes; return the exit code."""
    chosen = _parser().parse_args(arguments)
    try:
        settings = load_settings(DutySettings)
    except SettingsError as error:
        sys.stderr.write("".join(f"mediamill-cleanup: {problem}\n" for problem in error.problems))
        return EXIT_USAGE
    configure_logging("cleanup", json=settings.log_json, level="warning")
    try:
        return asyncio.run(_run(chosen, settings))
    except SchemaNotCurrentError as error:
        sys.stderr.write(f"mediamill-cleanup: {error}\n")
        return EXIT_USAGE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mediamill-cleanup", description="Without a command, run the service: each duty when it is due."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    listing = commands.add_parser("list", help="show the duties, when they are due and what they did")
    running = commands.add_parser("run", help="carry one duty out now")
    running.add_argument("duty", metavar="DUTY")
    running.add_argument("--dry-run", action="store_true", help="only tell what would be done")
    comparing = commands.add_parser("reconcile", help="compare what the stores hold with what rows say")
    comparing.add_argument("--store", choices=("local", "s3", "all"), default="all")
    comparing.add_argument(
        "--mend", action="store_true", help="remove what nothing names, copy what is missing"
    )
    for each in (listing, running, comparing):
        each.add_argument("--json", action="store_true", help="answer in JSON")
    return parser


async def _run(chosen: argparse.Namespace, settings: DutySettings) -> int:
    async with _opened(settings) as parts:
        if chosen.command == "list":
            return await _list(parts, as_json=chosen.json)
        if chosen.command == "reconcile":
            return await _reconcile(parts, chosen.store, mend=chosen.mend, as_json=chosen.json)
        return await _run_duty(parts, chosen.duty, dry_run=chosen.dry_run, as_json=chosen.json)


@asynccontextmanager
async def _opened(settings: DutySettings) -> AsyncIterator[CleanupParts]:
    """Open the installation; messages that duties emit are sent by the services that are running."""
    database = Database(settings.database_url.get_secret_value())
    store = LocalObjectStore(settings.storage_root)
    s3 = S3Stores.from_environment(settings)
    try:
        await require_current(database)
        parts = build_parts(settings, database, store, s3=s3)
        await parts.platform.look()
        yield parts
    finally:
        if s3 is not None:
            await s3.close()
        await store.close()
        await database.close()


async def _list(parts: CleanupParts, *, as_json: bool) -> int:
    async with parts.premises.database.read() as session:
        rows = {row.name: row for row in await schedules.find_all(session)}
    listed = []
    for duty in parts.duties:
        row = rows.get(duty.name)
        due_at = row.due_at if row is not None else duty.timetable.next_after(utc_now())
        listed.append(
            {
                "name": duty.name,
                "summary": duty.summary,
                "cron": duty.timetable.expression,
                "dueAt": _written(due_at),
                "finishedAt": _written(row.finished_at) if row is not None else None,
                "report": row.report if row is not None else {},
            }
        )
    if as_json:
        sys.stdout.write(json.dumps(listed, indent=2) + "\n")
        return 0
    for each in listed:
        sys.stdout.write(
            f"{each['name']:<18}{each['cron']:<14}due {each['dueAt'] or 'never':<27}"
            f"last {each['finishedAt'] or 'never'}\n    {each['summary']}\n"
        )
    return 0


async def _run_duty(parts: CleanupParts, name: str, *, dry_run: bool, as_json: bool) -> int:
    duty = next((duty for duty in parts.duties if duty.name == name), None)
    if duty is None:
        known = ", ".join(duty.name for duty in parts.duties)
        sys.stderr.write(f"mediamill-cleanup: no duty {name!r}; there are {known}\n")
        return EXIT_USAGE
    report = await parts.scheduler.run_now(duty, dry_run=dry_run)
    if report is None:
        sys.stderr.write(f"mediamill-cleanup: {name} is being carried out by another process\n")
        return EXIT_BUSY
    _show(report, as_json=as_json)
    return 0


async def _reconcile(parts: CleanupParts, name: str, *, mend: bool, as_json: bool) -> int:
    stores = parts.premises.stores()
    chosen = {store: found for store, found in stores.items() if name in (store, "all")}
    if not chosen:
        sys.stderr.write("mediamill-cleanup: S3 is not configured, or there are no credentials for it\n")
        return EXIT_USAGE
    run = Run(utc_now(), dry_run=not mend)
    report = await reconcile(Scope(parts.premises, parts.platform.current, chosen, run))
    _show(report, as_json=as_json)
    return 0


def _show(report: Report, *, as_json: bool) -> None:
    lines = [json.dumps(report.as_dict(), indent=2)] if as_json else report.lines()
    sys.stdout.write("".join(f"{line}\n" for line in lines))


def _written(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="seconds")
