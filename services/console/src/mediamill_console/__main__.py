"""Runs the console: `mediamill-console` or `python -m mediamill_console`."""

import sys

from mediamill_runtime.importing import collector_paused


def main() -> None:
    """Run until SIGTERM; the exit code says whether all went well."""
    with collector_paused():
        from mediamill_console.main import build_service
        from mediamill_console.settings import ConsoleSettings
        from mediamill_runtime.process import run_process
    sys.exit(run_process("console", ConsoleSettings, build_service))


if __name__ == "__main__":
    main()
