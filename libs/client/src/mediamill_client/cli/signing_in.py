"""`mediamill login`: trades a password for a token and keeps only the token."""

import click

from mediamill_client.api import MediamillClient
from mediamill_client.cli import exit_codes
from mediamill_client.cli.connection import CommandError
from mediamill_client.cli.credentials import StoredLogin, credentials_file, store_login
from mediamill_client.cli.text import printable
from mediamill_client.errors import NotAuthenticatedError
from mediamill_client.retry import RetryPolicy

LONGEST_WAIT = 3.0
"""Seconds: after too many wrong passwords a person is told to wait, rather than left to wonder."""


async def sign_in(url: str, email: str, password: str) -> int:
    """Sign in at `url` and store the token; return the exit code."""
    async with MediamillClient(url, retry=RetryPolicy(longest_retry_after=LONGEST_WAIT)) as client:
        try:
            session = await client.login(email, password)
        except NotAuthenticatedError as error:
            raise CommandError("Email or password is wrong.", exit_codes.USAGE) from error
    path = credentials_file()
    try:
        store_login(path, StoredLogin(url=url, email=session.user.email, token=session.access_token))
    except OSError as error:
        reason = error.strerror or str(error)
        raise CommandError(
            f"The login cannot be kept in {path}: {reason}. Set MEDIAMILL_TOKEN instead.", exit_codes.USAGE
        ) from error
    click.echo(printable(f"Signed in to {url} as {session.user.email} ({session.user.role})."))
    return exit_codes.OK
