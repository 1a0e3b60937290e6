"""Runs storage-sync: `mediamill-storage-sync` or `python -m mediamill_storage_sync`."""

import sys

from mediamill_runtime.process import run_process
from mediamill_storage_sync.main import build_service
from mediamill_storage_sync.settings import StorageSyncSettings


def main() -> None:
    """Run until SIGTERM; the exit code says whether all went well."""
    sys.exit(run_process("storage-sync", StorageSyncSettings, build_service))


if __name__ == "__main__":
    main()
