"""Write `.env.example` from the settings classes: each variable, its default and the words beside its field.

With `--check` nothing is written; the exit code is 1 when the file differs.
"""

import ast
import inspect
import json
import sys
import textwrap
from pathlib import Path

from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings

from mediamill_catalog.settings import PlatformEnvironment, RecipeEnvironment
from mediamill_cleanup.settings import CleanupSettings
from mediamill_console.settings import ConsoleSettings
from mediamill_dispatcher.calls.image_settings import ImageApiSettings
from mediamill_dispatcher.settings import DispatcherSettings
from mediamill_ingest.settings import IngestSettings
from mediamill_notifier.settings import NotifierSettings
from mediamill_processor.settings import ProcessorSettings
from mediamill_runtime.s3_settings import S3Settings
from mediamill_runtime.settings import (
    DatabaseSettings,
    IdentitySettings,
    SharedSettings,
    StorageSettings,
    variable_name,
)
from mediamill_standalone.settings import StandaloneSettings
from mediamill_storage_sync.settings import StorageSyncSettings

TARGET = Path(__file__).resolve().parent.parent / ".env.example"
WIDTH = 108
SECTIONS: list[tuple[str, type[BaseSettings]]] = [
    ("Every service", SharedSettings),
    ("Services that answer to users: ingest, console, notifier", IdentitySettings),
    ("Control plane: ingest, console, cleanup, migrations", DatabaseSettings),
    ("Services that read or write objects: ingest, processor, storage-sync, cleanup", StorageSettings),
    ("Services that use S3: ingest, processor, storage-sync, console, cleanup", S3Settings),
    ("Control plane: what holds until an operator decides otherwise", PlatformEnvironment),
    ("Services that order work: ingest, cleanup", RecipeEnvironment),
    ("ingest", IngestSettings),
    ("console", ConsoleSettings),
    ("processor", ProcessorSettings),
    ("storage-sync", StorageSyncSettings),
    ("notifier", NotifierSettings),
    ("cleanup", CleanupSettings),
    ("dispatcher", DispatcherSettings),
    ("dispatcher's image endpoint", ImageApiSettings),
    ("standalone (`make run`)", StandaloneSettings),
]
HEAD = """\
# Generated from the settings classes by `make documents`: every variable with its default.
# Copy it to .env for Docker Compose. Empty means default. Secrets live in .env and nowhere else.

# --- Docker Compose: required, each a long random string; `make env` writes .env with all of them ---
# JWT_SECRET signs the tokens of users (HS256), at least 32 characters.

RABBITMQ_PASSWORD=
POSTGRES_PASSWORD=
JWT_SECRET=
AWS_ACCESS_KEY_ID=
AWS_SECRET_ACCESS_KEY=

# Each service has a broker user of its own, which `mediamill-broker-setup` makes.
INGEST_BROKER_PASSWORD=
CONSOLE_BROKER_PASSWORD=
CLEANUP_BROKER_PASSWORD=
PROCESSOR_BROKER_PASSWORD=
STORAGE_SYNC_BROKER_PASSWORD=
DISPATCHER_BROKER_PASSWORD=
NOTIFIER_BROKER_PASSWORD=

# For gateways of yours that announce uploads which they received themselves: makes the user `gateway`.

# GATEWAY_BROKER_PASSWORD=

# --- Docker Compose: networks, all closed to the outside unless said otherwise ---
# `false` for Amazon S3 (with an empty S3_ENDPOINT), or any S3 server outside: lets the services that use it
# out, and no others.

# OBJECTS_INTERNAL=true

# Port of this host at which browsers reach the S3 server that comes along, by signed addresses only. Where
# they are on other machines, S3_BROWSER_ENDPOINT has to be the address that they see.

# S3_PORT=8333

# `false` for JWT_JWKS_URL at an identity provider outside: lets ingest, console and notifier out.

# EDGE_INTERNAL=true

# --- Docker Compose: your TLS proxy before the gateway (docs/operations.md) ---
# Addresses or networks, separated by spaces, whose word on clients' addresses and on HTTPS is believed.

# GATEWAY_TRUSTED_PROXIES=127.0.0.1/32
"""


def main() -> int:
    """Write the file, or compare it with `--check`."""
    text = example()
    if "--check" not in sys.argv[1:]:
        TARGET.write_text(text)
        return 0
    if TARGET.exists() and TARGET.read_text() == text:
        return 0
    print(".env.example differs from the settings: run `make documents`", file=sys.stderr)
    return 1


def example() -> str:
    """Return the whole file; a variable that several classes read is listed where it comes first."""
    listed = {line.partition("=")[0] for line in HEAD.splitlines() if "=" in line}
    parts = [HEAD]
    for title, settings in SECTIONS:
        parts.append(f"# --- {title} ---\n")
        for field in settings.model_fields:
            variable = variable_name(settings, field)
            if variable not in listed and (field not in {"host", "port"} or variable != field.upper()):
                listed.add(variable)
                parts.append(_entry(settings, field, variable))
    return "\n".join(parts)


def _entry(settings: type[BaseSettings], field: str, variable: str) -> str:
    words = textwrap.fill(_docstring(settings, field), WIDTH, initial_indent="# ", subsequent_indent="# ")
    return "\n".join([*([words] if words else []), f"# {variable}={_default(settings, field)}", ""])


def _default(settings: type[BaseSettings], field: str) -> str:
    value = settings.model_fields[field].default
    if value is None or value is PydanticUndefined or value == ():
        return ""
    if hasattr(value, "get_secret_value"):
        return str(value.get_secret_value())
    if isinstance(value, frozenset):
        return ",".join(sorted(value))
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return json.dumps(value) if isinstance(value, dict) else str(value)


def _docstring(settings: type[BaseSettings], field: str) -> str:
    """Return the string that stands below a field in the source of its class, on one line."""
    for owner in settings.__mro__:
        if not issubclass(owner, BaseSettings) or owner is BaseSettings or field not in owner.__annotations__:
            continue
        body = ast.parse(textwrap.dedent(inspect.getsource(owner))).body[0]
        statements = body.body if isinstance(body, ast.ClassDef) else []
        for statement, following in zip(statements, [*statements[1:], None], strict=True):
            if isinstance(statement, ast.AnnAssign) and ast.unparse(statement.target) == field:
                return _text_of(following)
    return ""


def _text_of(statement: ast.stmt | None) -> str:
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
        return " ".join(str(statement.value.value).split())
    return ""


if __name__ == "__main__":
    sys.exit(main())
