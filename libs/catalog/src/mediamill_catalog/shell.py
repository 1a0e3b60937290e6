"""What operators' commands on the database share: a failure is told in a sentence, not as a traceback."""

import asyncio
import sys
from collections.abc import Coroutine
from typing import Any

from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from mediamill_catalog.revision import SchemaNotCurrentError

FAILED = 1


def run_command(program: str, work: Coroutine[Any, Any, int]) -> int:
    """Run a command's work and return its exit code; 1 when the database cannot be used as it is."""
    try:
        return asyncio.run(work)
    except SchemaNotCurrentError as error:
        reason = str(error)
    except (ArgumentError, NoSuchModuleError):
        reason = "this is no database URL, as in postgresql+asyncpg://user:password@host/name"
    except DBAPIError as error:
        reason = f"the database does not do it: {error.orig}"
    except OSError as error:
        reason = f"the database cannot be reached: {error}"
    sys.stderr.write(f"{program}: {reason}\n")
    return FAILED
