"""Where the command keeps its token, and who the environment says it is.

A stored token is only ever sent to the address that issued it.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile

from pydantic import BaseModel, SecretStr, ValidationError

DEFAULT_URL = "http://127.0.0.1:8000"


class StoredLogin(BaseModel):
    """A login as it lies on disk."""

    url: str
    email: str
    token: str


@dataclass(frozen=True)
class Access:
    """The server to talk to, and what there is to prove who is talking."""

    url: str
    token: SecretStr | None = None
    email: str | None = None
    password: SecretStr | None = None


def credentials_file(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the place of the stored login by the XDG base directory rules."""
    configured = environment.get("XDG_CONFIG_HOME", "")
    home = Path(configured) if Path(configured).is_absolute() else Path.home() / ".config"
    return home / "mediamill" / "credentials.json"


def stored_login(path: Path) -> StoredLogin | None:
    """Return the stored login; None when there is none that can be read."""
    try:
        return StoredLogin.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None


def store_login(path: Path, login: StoredLogin) -> None:
    """Write the login so that only its owner can read it, replacing the old one whole; raises OSError."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with NamedTemporaryFile("w", dir=path.parent, prefix=".credentials-", delete=False) as file:
        json.dump(login.model_dump(), file)
    Path(file.name).replace(path)


def find_access(url: str | None, environment: Mapping[str, str] = os.environ) -> Access:
    """Combine an address given on the command line, the environment and the stored login, in this order."""
    stored = stored_login(credentials_file(environment))
    address = (url or environment.get("MEDIAMILL_URL") or (stored.url if stored else DEFAULT_URL)).rstrip("/")
    email = environment.get("MEDIAMILL_EMAIL")
    password = _secret(environment.get("MEDIAMILL_PASSWORD"))
    token = _secret(environment.get("MEDIAMILL_TOKEN"))
    named = email is not None and password is not None
    if token is None and not named and stored is not None and stored.url == address:
        token = SecretStr(stored.token)
    return Access(address, token, email, password)


def _secret(value: str | None) -> SecretStr | None:
    return SecretStr(value.strip()) if value and value.strip() else None
