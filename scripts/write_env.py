"""Write `.env` for Docker Compose: the example, with a fresh random secret wherever one is required.

A file that is there already is left as it is. Nobody but its owner can read the new one.
"""

import os
import re
import secrets
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SECRET_BYTES = 32
_REQUIRED = re.compile(r"^([A-Z][A-Z0-9_]*)=$", re.MULTILINE)


def main(target: Path = ROOT / ".env") -> int:
    """Write the file; the exit code is 1 when there is one."""
    text = _REQUIRED.sub(_with_secret, (ROOT / ".env.example").read_text())
    try:
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        print(f"{target} is there already; nothing was written", file=sys.stderr)
        return 1
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    print(f"{target} has fresh secrets; read it for what else can be set")
    return 0


def _with_secret(line: re.Match[str]) -> str:
    return f"{line[1]}={secrets.token_hex(SECRET_BYTES)}"


if __name__ == "__main__":
    sys.exit(main())
