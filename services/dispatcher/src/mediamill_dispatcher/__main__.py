"""Runs the dispatcher: `mediamill-dispatcher` or `python -m mediamill_dispatcher`."""

import sys

from mediamill_runtime.importing import collector_paused


def main() -> None:
    """Run until SIGTERM; the exit code says whether all went well."""
    with collector_paused():
        from mediamill_dispatcher.main import build_service
        from mediamill_dispatcher.settings import DispatcherSettings
        from mediamill_runtime.process import run_process
    sys.exit(run_process("dispatcher", DispatcherSettings, build_service))


if __name__ == "__main__":
    main()
