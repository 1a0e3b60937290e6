"""The account that a new installation begins with: without it nobody could sign in to make the others."""

import secrets

from pydantic import SecretStr

from mediamill_catalog import users
from mediamill_catalog.tables import Role
from mediamill_database import Database
from mediamill_ingest.auth.accounts import AccountExistsError, Accounts

DEFAULT_EMAIL = "admin@localhost"
_RANDOM_BYTES = 15


async def ensure_first_superadmin(
    database: Database, email: str | None, password: SecretStr | None
) -> str | None:
    """Make a superadmin unless there is an account with that role.

    Return the random password that was made because none was given: show it once, it is kept nowhere.
    None when the password was given or nothing had to be done.
    """
    async with database.read() as session:
        if await users.count(session, Role.SUPERADMIN):
            return None
    chosen = password.get_secret_value() if password else secrets.token_urlsafe(_RANDOM_BYTES)
    try:
        await Accounts(database, actor="system").add(email or DEFAULT_EMAIL, chosen, Role.SUPERADMIN)
    except AccountExistsError:
        return None  # another replica was first
    return None if password else chosen
