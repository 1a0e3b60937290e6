"""Runs everything in one process: `mediamill-standalone` or `python -m mediamill_standalone`."""

import sys

from mediamill_runtime.importing import collector_paused


def main() -> None:
    """Run until SIGTERM; the exit code says whether all went well."""
    with collector_paused():
        from mediamill_runtime.process import run_process
        from mediamill_standalone.main import build_service
        from mediamill_standalone.settings import StandaloneSettings
    sys.exit(run_process("standalone", StandaloneSettings, build_service))


if __name__ == "__main__":
    main()
