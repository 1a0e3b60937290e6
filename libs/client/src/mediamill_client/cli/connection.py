"""Turns what the command line and environment say into a signed-in client, and failures into exit codes."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import click
import httpx

from mediamill_client.api import MediamillClient
from mediamill_client.cli import exit_codes
from mediamill_client.cli.credentials import Access
from mediamill_client.cli.text import printable
from mediamill_client.errors import (
    MediamillError,
    NotAuthenticatedError,
    ServerError,
    ServerUnreachableError,
    UnexpectedAnswerError,
)


class CommandError(click.ClickException):
    """Ends the command with a message and an exit code of `exit_codes`."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(printable(message))
        self.code = exit_code


@asynccontextmanager
async def signed_in(access: Access) -> AsyncIterator[MediamillClient]:
    """Give a client that is signed in; logs in first when the environment names a user but no token."""
    token = None if access.token is None else access.token.get_secret_value()
    try:
        prepared = MediamillClient(access.url, token=token)
    except ValueError as error:
        raise CommandError(f"MEDIAMILL_TOKEN cannot be used: {error}.", exit_codes.USAGE) from error
    async with prepared as client:
        if token is None:
            if access.email is None or access.password is None:
                hint = f"Not signed in to {access.url}. Run 'mediamill login', or set MEDIAMILL_TOKEN."
                raise CommandError(hint, exit_codes.USAGE)
            await client.login(access.email, access.password.get_secret_value())
        yield client


def run(work: Coroutine[Any, Any, int]) -> int:
    """Run a command's work and return its exit code; what it could not handle becomes a CommandError."""
    try:
        return asyncio.run(work)
    except MediamillError as error:
        raise as_command_error(error) from error
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        raise CommandError(f"The server's address is not valid: {error}", exit_codes.USAGE) from error


def as_command_error(error: MediamillError) -> CommandError:
    """Return the message and exit code for an error of the client."""
    if isinstance(error, NotAuthenticatedError):
        hint = f"The server does not accept these credentials: {error}. Run 'mediamill login'."
        return CommandError(hint, exit_codes.USAGE)
    unreachable = isinstance(error, ServerUnreachableError | ServerError | UnexpectedAnswerError)
    return CommandError(str(error), exit_codes.UNREACHABLE if unreachable else exit_codes.REFUSED)
