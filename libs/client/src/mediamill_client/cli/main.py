"""The command line: options and help of each command; the work itself is in the modules beside this one."""

import sys
from importlib.metadata import version
from pathlib import Path
from uuid import UUID

import click

from mediamill_client.cli import exit_codes
from mediamill_client.cli.connection import CommandError, run
from mediamill_client.cli.credentials import Access, find_access
from mediamill_client.cli.folder_uploading import FolderOrder, upload_folder
from mediamill_client.cli.follow import watch_jobs
from mediamill_client.cli.signing_in import sign_in
from mediamill_client.cli.status import show_status
from mediamill_client.cli.sync import sync
from mediamill_client.cli.uploading import UploadOrder, upload_files

SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
_NEW_FILE = click.Path(dir_okay=False, writable=True, path_type=Path)
as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")


@click.group(context_settings=SETTINGS, epilog=exit_codes.HELP)
@click.option(
    "--url", metavar="URL", help="The server; default MEDIAMILL_URL, else where you last signed in."
)
@click.version_option(version("mediamill-client"), prog_name="mediamill")
@click.pass_context
def cli(context: click.Context, url: str | None) -> None:
    """Upload pictures to Mediamill and follow them until they are ready.

    Sign in once with 'mediamill login', or set MEDIAMILL_URL and either MEDIAMILL_TOKEN or MEDIAMILL_EMAIL
    and MEDIAMILL_PASSWORD.
    """
    context.obj = find_access(url)


@cli.command()
@click.option("--email", envvar="MEDIAMILL_EMAIL", prompt=True, help="Default: MEDIAMILL_EMAIL, else asked.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@click.pass_obj
def login(access: Access, email: str, password_stdin: bool) -> int:
    """Sign in and keep the token, readable by you alone.

    The password is asked for, unless MEDIAMILL_PASSWORD is set or it comes on standard input.
    """
    if password_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    elif access.password is not None:
        password = access.password.get_secret_value()
    else:
        password = _asked_password()
    return run(sign_in(access.url, email, password))


def _asked_password() -> str:
    """Ask for the password; where nobody can be asked, say how else it can be given."""
    if sys.stdin.isatty():
        return str(click.prompt("Password", hide_input=True))
    raise click.UsageError("There is nobody to ask: use --password-stdin, or set MEDIAMILL_PASSWORD.")


@cli.command()
@click.argument(
    "paths", metavar="FILE...|DIR", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path)
)
@click.option("--entity-type", default="general", show_default=True, help="What the pictures belong to.")
@click.option("--entity-id", help="Which one of these.")
@click.option("--alt", help="Text that stands in for the pictures.")
@click.option("--title", help="Title of the pictures.")
@click.option("--wait", is_flag=True, help="Return when every picture is ready or refused.")
@click.option(
    "--parallel", type=click.IntRange(1, 32), default=4, show_default=True, help="Uploads at a time."
)
@click.option("--presigned", is_flag=True, help="Send the files to S3 directly, by signed URLs.")
@click.option("--report", type=_NEW_FILE, help="Of DIR: write here what became of each file.")
@click.option(
    "--state", type=_NEW_FILE, help="Of DIR: remember here what was sent; default in ~/.local/state."
)
@as_json
@click.pass_obj
def upload(
    access: Access,
    *,
    paths: tuple[Path, ...],
    entity_type: str,
    entity_id: str | None,
    alt: str | None,
    title: str | None,
    wait: bool,
    parallel: int,
    presigned: bool,
    report: Path | None,
    state: Path | None,
    as_json: bool,
) -> int:
    """Upload files, or all pictures and videos of a folder and the folders below it.

    A lost connection or a busy server is tried again and never makes a second copy. A folder goes by the
    lane that gives way to others, some files a request; when it is interrupted, the same command goes on
    with what is missing. Files that were refused, or have changed, are sent again; hidden files, links and
    files of other kinds are not sent.
    """
    if any(path.is_dir() for path in paths):
        if len(paths) > 1 or presigned:
            raise click.UsageError("A folder is uploaded alone, and not with --presigned.")
        if report is not None and not report.absolute().parent.is_dir():
            raise click.UsageError("There is no folder for the report.")
        form = {"entityType": entity_type, "entityId": entity_id, "alt": alt, "title": title}
        whole = FolderOrder(paths[0], form, parallel, wait, report, state)
        return run(upload_folder(access, whole, as_json=as_json))
    if report is not None or state is not None:
        raise click.UsageError("--report and --state are for a folder.")
    order = UploadOrder(
        files=tuple(dict.fromkeys(paths)),
        entity_type=entity_type,
        entity_id=entity_id,
        alt=alt,
        title=title,
        parallel=parallel,
        wait=wait,
        presigned=presigned,
    )
    return run(upload_files(access, order, as_json=as_json))


@cli.command()
@click.argument("identity", metavar="JOB|MEDIA", type=click.UUID)
@as_json
@click.pass_obj
def status(access: Access, identity: UUID, as_json: bool) -> int:
    """Show how far a job is, or what is known of a medium."""
    return run(show_status(access, identity, as_json=as_json))


@cli.command()
@click.argument("jobs", metavar="[JOB]...", nargs=-1, type=click.UUID)
@as_json
@click.pass_obj
def watch(access: Access, jobs: tuple[UUID, ...], as_json: bool) -> int:
    """Follow jobs until all are done; without JOB, all of yours that are not finished."""
    return run(watch_jobs(access, jobs, as_json=as_json))


cli.add_command(sync)


def main() -> None:
    """Run the command and exit with one of `exit_codes`."""
    try:
        code = cli.main(prog_name="mediamill", standalone_mode=False)
    except CommandError as error:
        error.show()
        code = error.code
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except OSError as error:  # such as a journal or a report that cannot be written
        where = f"{error.filename}: " if error.filename else ""
        CommandError(f"{where}{error.strerror or error}", exit_codes.USAGE).show()
        code = exit_codes.USAGE
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted.", err=True)
        code = exit_codes.INTERRUPTED
    sys.exit(code)
