"""Runs the processor: `mediamill-processor` or `python -m mediamill_processor`."""

import sys

from mediamill_runtime.importing import collector_paused


def main() -> None:
    """Run until SIGTERM; the exit code says whether all went well."""
    with collector_paused():
        from mediamill_processor.main import build_service
        from mediamill_processor.settings import ProcessorSettings
        from mediamill_runtime.process import run_process
    sys.exit(run_process("processor", ProcessorSettings, build_service))


if __name__ == "__main__":
    main()
