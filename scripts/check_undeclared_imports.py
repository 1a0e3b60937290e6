"""Import every module of every member with nothing installed but what that member declares.

In the shared environment a member can import a library that only its neighbour declares, and then breaks in
its own container. Here each member gets an environment of its own, locked and without what developers add.
"""

import subprocess
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
UV = ROOT / "scripts" / "uv"
PARALLEL = 2

IMPORT_ALL = """
import importlib, pkgutil, sys
def fail(name):
    raise ImportError(name)
package = importlib.import_module(sys.argv[1])
for module in pkgutil.walk_packages(package.__path__, package.__name__ + ".", onerror=fail):
    if not module.name.endswith("__main__") and ".migrations" not in module.name:
        importlib.import_module(module.name)
"""


def main() -> int:
    """Check all members; return 1 when one of them does not import."""
    members = [
        path.parent for pattern in ("libs", "services") for path in ROOT.glob(f"{pattern}/*/pyproject.toml")
    ]
    with ThreadPoolExecutor(PARALLEL) as pool:
        complaints = [complaint for complaint in pool.map(_complaint, sorted(members)) if complaint]
    for complaint in complaints:
        print(complaint, file=sys.stderr)
    if not complaints:
        print(f"{len(members)} members import nothing they do not declare")
    return 1 if complaints else 0


def _complaint(member: Path) -> str | None:
    name = tomllib.loads((member / "pyproject.toml").read_text())["project"]["name"]
    run = [str(UV), "run", "--quiet", "--isolated", "--locked", "--no-dev", "--package", name]
    done = subprocess.run(
        [*run, "python", "-c", IMPORT_ALL, name.replace("-", "_")],
        cwd=ROOT,
        capture_output=True,
        check=False,
        text=True,
    )
    return None if done.returncode == 0 else f"{name} does not import by itself:\n{done.stderr.strip()}\n"


if __name__ == "__main__":
    sys.exit(main())
