"""What `main()` does in every service: settings, logs, traces, then run."""

import sys
from collections.abc import Callable
from typing import TypeVar

from mediamill_runtime.logging import configure_logging
from mediamill_runtime.service import Service, run
from mediamill_runtime.settings import SettingsError, SharedSettings, load_settings
from mediamill_runtime.telemetry import configure_telemetry

S = TypeVar("S", bound=SharedSettings)

EXIT_USAGE = 2


def run_process(name: str, settings_type: type[S], build: Callable[[S], Service]) -> int:
    """Build a service from the environment, run it, and return the exit code of the process.

    2 means that the environment is wrong; standard error then has one line for each variable.
    """
    try:
        settings = load_settings(settings_type)
        configure_logging(name, json=settings.log_json, level=settings.log_level)
        telemetry = configure_telemetry(name, settings.otlp_endpoint)
        service = build(settings)
    except SettingsError as error:
        sys.stderr.write("".join(f"{name}: {problem}\n" for problem in error.problems))
        return EXIT_USAGE
    try:
        return run(
            service,
            settings.host,
            settings.port,
            grace_seconds=settings.shutdown_grace_seconds,
            trusted_proxies=settings.trusted_proxies,
        )
    finally:
        telemetry.shutdown()
