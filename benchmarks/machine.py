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


class Theft:
    """How much of the processor other guests of the same host took away, from the making of this on."""

    def __init__(self) -> None:
        self._stolen, self._total = _cpu_times()

    def share(self) -> float:
        """Return the stolen part of all processor time since then, 0 to 1."""
        stolen, total = _cpu_times()
        return (stolen - self._stolen) / max(1, total - self._total)


def _cpu_times() -> tuple[int, int]:
    """Return stolen and all processor time since the machine's start, in ticks; proc_stat(5)."""
    with open("/proc/stat", encoding="ascii") as file:  # noqa: PTH123 - a pseudo file, of which one line is read
        times = [int(field) for field in file.readline().split()[1:9]]
    return times[-1], sum(times)


def _processor() -> str:
    with open("/proc/cpuinfo", encoding="ascii") as file:  # noqa: PTH123 - a pseudo file, read line by line
        names = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    return names[0] if names else platform.machine()
