"""`mediamill watch`: shows jobs as they move, until all are done."""

from collections.abc import Mapping, Sequence
from uuid import UUID

import click

from mediamill_client.api import MediamillClient
from mediamill_client.cli import exit_codes
from mediamill_client.cli.connection import signed_in
from mediamill_client.cli.credentials import Access
from mediamill_client.cli.display import Display, display
from mediamill_client.cli.results import job_document, job_text
from mediamill_client.open_jobs import unfinished_jobs


async def watch_jobs(access: Access, jobs: Sequence[UUID], *, as_json: bool) -> int:
    """Follow `jobs`, or the user's unfinished ones when none are given; return the exit code."""
    async with signed_in(access) as client:
        watched = list(dict.fromkeys(jobs)) or await unfinished_jobs(client)
        if not watched:
            click.echo("No job is unfinished.", err=True)
            return exit_codes.OK
        with display(as_json=as_json) as shown:
            return await follow(client, {job_id: str(job_id) for job_id in watched}, shown)


async def follow(client: MediamillClient, names: Mapping[UUID, str], shown: Display) -> int:
    """Show the jobs in `names`, each by its name, until all are finished; return the exit code."""
    all_ready = True
    async for job in client.watch(list(names)):
        name = names[job.job_id]
        if job.finished:
            all_ready = all_ready and job.succeeded
            shown.result(name, job_text(client, job), {"name": name, **job_document(job)})
        else:
            shown.progress(name, job.status, job.progress)
    return exit_codes.OK if all_ready else exit_codes.REFUSED
