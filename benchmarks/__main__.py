"""Runs the whole measurement: `make bench`, or `python -m benchmarks --quick` while developing."""

import argparse
import os
import statistics
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol, TypeVar

import uvloop

from benchmarks import report
from benchmarks.claims import Claim
from benchmarks.contestants import sharp_bullmq
from benchmarks.installation import Installation
from benchmarks.machine import Theft, describe
from benchmarks.parts import Parts
from benchmarks.plan import FULL, QUICK, Plan
from mediamill_testing.photos import CameraPhoto

RESULTS = Path(__file__).parent / "results"


class Measured(Protocol):
    """What a part yields."""

    def claims(self) -> list[Claim]:
        """Return its figures with their targets."""


M = TypeVar("M", bound=Measured)
PARTS = ("idle", "overhead", "throughput", "lanes", "videos", "accepting", "sync", "initiating")
"""Methods of Parts."""


def main() -> None:
    """Measure, write the results, and print the claims."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="small numbers: shows that it runs, proves nothing"
    )
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder to write to")
    parser.add_argument("--only", choices=PARTS, help="measure this part alone, and write nothing")
    arguments = parser.parse_args()
    if arguments.only in (None, "throughput"):
        sharp_bullmq.prepare()  # says at once what is missing, not minutes later
    plan = QUICK if arguments.quick else FULL
    os.environ["VIPS_CONCURRENCY"] = "1"  # two processes with one thread each: as fast as anything
    with tempfile.TemporaryDirectory(prefix="mediamill-benchmark-") as folder:
        if arguments.only is not None:
            uvloop.run(measure_part(arguments.only, plan, Path(folder)))
            return
        results = uvloop.run(measure(plan, Path(folder)))
    report.write(results, arguments.results)
    print(report.claims_table(results.claims()))


async def measure(plan: Plan, folder: Path) -> report.Results:
    """Run all parts, one after the other, against one installation."""
    installation = Installation()
    parts = _parts(installation, plan, folder)
    try:
        await _start(installation, parts)
        machine, theft = describe(installation.rabbitmq, installation.postgres), Theft()
        results = report.Results(
            machine=machine,
            photos=_facts(parts.photos, plan),
            idle=await _told(parts.idle),
            overhead=await _told(parts.overhead),
            throughput=await _told(parts.throughput),
            lanes=await _told(parts.lanes),
            videos=await _told(parts.videos),
            accepting=await _told(parts.accepting),
            sync=await _told(parts.sync),
            initiating=await _told(parts.initiating),
        )
        machine["stolen by other guests"] = f"{theft.share():.1%}"
        return results
    except BaseException:
        print(installation.last_words(), flush=True)
        raise
    finally:
        await installation.stop()


async def measure_part(name: str, plan: Plan, folder: Path) -> None:
    """Run one part alone, against an installation of its own."""
    installation = Installation()
    parts = _parts(installation, plan, folder)
    try:
        await _start(installation, parts)
        await _told(getattr(parts, name))
    finally:
        await installation.stop()


def _parts(installation: Installation, plan: Plan, folder: Path) -> Parts:
    print("making photos", flush=True)
    return Parts(installation, plan, folder)


async def _start(installation: Installation, parts: Parts) -> None:
    print("starting servers and services", flush=True)
    await installation.start()
    await parts.warm_up()


async def _told(part: Callable[[], Awaitable[M]]) -> M:
    """Measure a part and print what it claims."""
    print(part.__doc__, flush=True)
    theft = Theft()
    measured = await part()
    print(report.claims_table(measured.claims()), flush=True)
    print(f"  other guests of the host took {theft.share():.1%} of the processor", flush=True)
    return measured


def _facts(photos: list[CameraPhoto], plan: Plan) -> dict[str, float]:
    return {
        "different": len(photos),
        "a_contestant": plan.rounds * plan.photos_a_round,
        "megapixels": statistics.mean(photo.megapixels for photo in photos),
        "megabytes": statistics.mean(photo.path.stat().st_size for photo in photos) / 1e6,
    }


if __name__ == "__main__":
    main()
