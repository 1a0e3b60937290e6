"""Runs ingest: `mediamill-ingest` or `python -m mediamill_ingest`."""

import sys

from mediamill_runtime.importing import collector_paused


def main() -> None:
    """Run until SIGTERM; the exit code says whether all went well."""
    with collector_paused():
        from mediamill_ingest.main import build_service
        from mediamill_ingest.settings import IngestSettings
        from mediamill_runtime.process import run_process
    sys.exit(run_process("ingest", IngestSettings, build_service))


if __name__ == "__main__":
    main()
