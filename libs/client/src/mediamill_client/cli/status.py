"""`mediamill status`: one look at a job or a medium."""

import json
from uuid import UUID

import click

from mediamill_client.cli import exit_codes
from mediamill_client.cli.connection import signed_in
from mediamill_client.cli.credentials import Access
from mediamill_client.cli.results import job_document, job_text, media_text
from mediamill_client.cli.text import printable
from mediamill_client.errors import NotFoundError


async def show_status(access: Access, identity: UUID, *, as_json: bool) -> int:
    """Print the job with this id, or else the medium; return whether it failed as an exit code."""
    async with signed_in(access) as client:
        try:
            job = await client.job(identity)
        except NotFoundError:
            media = await client.media(identity)
            document = media.model_dump(mode="json", by_alias=True)
            text, failed = media_text(client, media), media.status == "FAILED"
        else:
            document, text, failed = job_document(job), job_text(client, job), job.status == "failed"
    click.echo(json.dumps(document) if as_json else printable(text))
    return exit_codes.REFUSED if failed else exit_codes.OK
