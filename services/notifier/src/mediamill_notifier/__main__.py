"""Runs the notifier: `mediamill-notifier` or `python -m mediamill_notifier`."""

import sys

from mediamill_runtime.importing import collector_paused


def main() -> None:
    """Run until SIGTERM; the exit code says whether all went well."""
    with collector_paused():
        from mediamill_notifier.main import build_service
        from mediamill_notifier.settings import NotifierSettings
        from mediamill_runtime.process import run_process
    sys.exit(run_process("notifier", NotifierSettings, build_service))


if __name__ == "__main__":
    main()
