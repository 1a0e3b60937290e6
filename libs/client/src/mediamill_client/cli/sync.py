"""`mediamill sync`: what superadmins do with transfers between local storage and S3."""

import json
from collections.abc import Awaitable, Callable
from typing import Any, get_args
from uuid import UUID

import click

from mediamill_client.api import MediamillClient
from mediamill_client.cli import exit_codes
from mediamill_client.cli.connection import run, signed_in
from mediamill_client.cli.credentials import Access
from mediamill_client.cli.display import display
from mediamill_client.cli.text import printable
from mediamill_client.transfers import Operation, Transfer, TransferDetails, TransferResult

FAILURES_SHOWN = 20
LISTED = 20

as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
wait = click.option("--wait", is_flag=True, help="Return when the transfer has ended.")
transfer_id = click.argument("transfer_id", metavar="TRANSFER", type=click.UUID)
_Ask = Callable[[MediamillClient], Awaitable[TransferDetails]]


@click.group()
def sync() -> None:
    """Move media between local storage and S3 (superadmins only)."""


@sync.command()
@click.argument("operation", type=click.Choice(get_args(Operation)))
@click.argument("media", metavar="[MEDIA]...", nargs=-1, type=click.UUID)
@click.option("--all", "everything", is_flag=True, help="All media that fit the filters, instead of MEDIA.")
@click.option("--storage-status", type=click.Choice(["local", "s3", "both"]), help="Filter: where they are.")
@click.option("--entity-type", help="Filter: what they belong to.")
@click.option("--entity-id", help="Filter: which one of these.")
@click.option("--user-id", help="Filter: whose they are.")
@click.option("--kind", type=click.Choice(["image", "video"]), help="Filter: pictures or videos.")
@click.option(
    "--delete-source/--keep-source",
    default=None,
    help="Of copies: remove the source afterwards. Of hard_delete: remove what is in S3, too.",
)
@click.option("--yes", is_flag=True, help="Do not ask before a hard_delete.")
@wait
@as_json
@click.pass_obj
def start(
    access: Access,
    /,
    *,
    operation: Operation,
    media: tuple[UUID, ...],
    everything: bool,
    delete_source: bool | None,
    yes: bool,
    wait: bool,
    as_json: bool,
    **filters: str | None,
) -> int:
    """Begin OPERATION on MEDIA, or on all that fit the filters; from 100 files on in batches."""
    wanted = {_camel(name): value for name, value in filters.items() if value is not None}
    if bool(media) == (everything or bool(wanted)):
        raise click.UsageError("Name MEDIA, or filters, or --all.")
    if operation == "hard_delete" and not yes:
        click.confirm("This removes media for good. Go on?", abort=True, err=True)

    async def ask(client: MediamillClient) -> TransferDetails:
        return await client.transfers.start(
            operation, media, media_filter=None if media else wanted, delete_source=delete_source
        )

    return run(_steer(access, ask, wait=wait, as_json=as_json))


@sync.command()
@click.argument("transfer_id", metavar="[TRANSFER]", required=False, type=click.UUID)
@as_json
@click.pass_obj
def status(access: Access, transfer_id: UUID | None, as_json: bool) -> int:
    """Show TRANSFER and what failed in it; without it, the newest transfers."""
    return run(_show(access, transfer_id, as_json=as_json))


@sync.command()
@transfer_id
@as_json
@click.pass_obj
def watch(access: Access, transfer_id: UUID, as_json: bool) -> int:
    """Follow TRANSFER until it has ended."""

    async def look(client: MediamillClient) -> TransferDetails:
        return await client.transfers.get(transfer_id, results=0, batches=False)

    return run(_steer(access, look, wait=True, as_json=as_json))


@sync.command()
@transfer_id
@as_json
@click.pass_obj
def cancel(access: Access, transfer_id: UUID, as_json: bool) -> int:
    """End TRANSFER; what is done by then stays."""
    return run(_show_answer(access, transfer_id, as_json=as_json))


@sync.command()
@transfer_id
@wait
@as_json
@click.pass_obj
def retry(access: Access, transfer_id: UUID, wait: bool, as_json: bool) -> int:
    """Send out again what failed in TRANSFER, or was not reached."""

    async def again(client: MediamillClient) -> TransferDetails:
        return await client.transfers.retry(transfer_id)

    return run(_steer(access, again, wait=wait, as_json=as_json))


async def _steer(access: Access, ask: _Ask, *, wait: bool, as_json: bool) -> int:
    """Ask for something, follow the transfer if asked to, and return whether it failed as an exit code."""
    async with signed_in(access) as client:
        transfer = await ask(client)
        if not wait:
            _print(transfer, as_json=as_json)
            return exit_codes.OK
        name = str(transfer.id)
        with display(as_json=as_json) as shown:
            async for now in client.transfers.watch(transfer.id, batches=False):
                shown.progress(name, _state(now), now.percent)
            ended = await client.transfers.get(transfer.id)
            shown.result(name, _text(ended), {"name": name, **_document(ended)})
    return _exit_code(ended)


async def _show(access: Access, transfer_id: UUID | None, *, as_json: bool) -> int:
    async with signed_in(access) as client:
        if transfer_id is None:
            for transfer in (await client.transfers.list(limit=LISTED)).items:
                _print(transfer, as_json=as_json)
            return exit_codes.OK
        found = await client.transfers.get(transfer_id)
    _print(found, as_json=as_json)
    return _exit_code(found)


async def _show_answer(access: Access, transfer_id: UUID, *, as_json: bool) -> int:
    async with signed_in(access) as client:
        _print(await client.transfers.cancel(transfer_id), as_json=as_json)
    return exit_codes.OK


def _exit_code(transfer: Transfer) -> int:
    return exit_codes.REFUSED if transfer.ended and transfer.status != "completed" else exit_codes.OK


def _print(transfer: Transfer, *, as_json: bool) -> None:
    text = f"{transfer.id}: {_text(transfer)}"
    click.echo(json.dumps(_document(transfer)) if as_json else printable(text))


def _document(transfer: Transfer) -> dict[str, Any]:
    return transfer.model_dump(mode="json", by_alias=True)


def _state(transfer: Transfer) -> str:
    return f"{transfer.status}, {transfer.failed_files} failed" if transfer.failed_files else transfer.status


def _text(transfer: Transfer) -> str:
    """Return a sentence on a transfer, and a line for each of its failures, as many as a person reads."""
    done = f"{transfer.processed_files} of {transfer.total_files} files"
    sentence = f"{transfer.operation} {_state(transfer)}, {done}, {transfer.processed_bytes / 1e6:.1f} MB"
    failures = [_failure(result) for result in _results(transfer) if result.status == "failed"]
    left = len(failures) - FAILURES_SHOWN
    more = [f"  and {left} more: see --json"] if left > 0 else []
    return "\n".join([sentence, *failures[:FAILURES_SHOWN], *more])


def _results(transfer: Transfer) -> tuple[TransferResult, ...]:
    return transfer.results if isinstance(transfer, TransferDetails) else ()


def _failure(result: TransferResult) -> str:
    return f"  {result.key or result.media_id}: {result.detail or result.code} ({result.code})"


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(other.capitalize() for other in others)
