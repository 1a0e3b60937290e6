"""On what, and with what, was measured."""

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version

import pyvips

from mediamill_testing.servers.postgres import PostgresServer
from mediamill_testing.servers.rabbitmq import RabbitServer

_PACKAGES = ("celery", "fastapi", "faststream", "pillow", "pyvips", "sqlalchemy", "uvicorn")


def describe(rabbitmq: RabbitServer, postgres: PostgresServer) -> dict[str, str]:
    """Return machine, time and versions, by name."""
    vips = ".".join(str(pyvips.version(part)) for part in range(3))
    broker = rabbitmq.management("GET", "/api/overview")["rabbitmq_version"]
    return {
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "processor": _processor(),
        "cores": str(len(os.sched_getaffinity(0))),
        "load before": f"{os.getloadavg()[0]:.2f}",
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "libvips": vips,
        "rabbitmq": broker,
        "postgresql": postgres.execute("SHOW server_version").split()[0],
        **{name: version(name) for name in _PACKAGES},
    }


def _processor() -> str:
    with open("/proc/cpuinfo", encoding="ascii") as file:  # noqa: PTH123 - a pseudo file, read line by line
        names = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    return names[0] if names else platform.machine()
