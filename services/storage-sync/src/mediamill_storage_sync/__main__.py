"""Runs storage-sync: `mediamill-storage-sync` or `python -m mediamill_storage_sync`."""

import sys

from mediamill_runtime.importing import collector_paused


def main() -> None:
    """Run until SIGTERM; the exit code says whether all went well."""
    with collector_paused():
        from mediamill_runtime.process import run_process
        from mediamill_storage_sync.main import build_service
        from mediamill_storage_sync.settings import StorageSyncSettings
    sys.exit(run_process("storage-sync", StorageSyncSettings, build_service))


if __name__ == "__main__":
    main()
