"""Runs cleanup, or one duty of it: `mediamill-cleanup [list | run DUTY [--dry-run] [--json]]`."""

import sys

from mediamill_runtime.importing import collector_paused


def main() -> None:
    """Without arguments run the service until SIGTERM; the exit code says whether all went well."""
    with collector_paused():
        from mediamill_cleanup.commands import run_command
        from mediamill_cleanup.main import build_service
        from mediamill_cleanup.settings import CleanupSettings
        from mediamill_runtime.process import run_process
    if len(sys.argv) > 1:
        sys.exit(run_command(sys.argv[1:]))
    sys.exit(run_process("cleanup", CleanupSettings, build_service))


if __name__ == "__main__":
    main()
