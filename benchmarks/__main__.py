"""Runs the whole measurement: `make bench`, or `python -m benchmarks --quick` while developing."""

import argparse
import os
import statistics
import tempfile
from pathlib import Path

import uvloop

from benchmarks import report
from benchmarks.claims import Claim
from benchmarks.contestants.bare_loop import BareLoop
from benchmarks.contestants.bare_server import BareServer
from benchmarks.contestants.celery_pillow import CeleryPillow
from benchmarks.contestants.mediamill import MediamillStaged, MediamillUpload
from benchmarks.contestants.sharp_bullmq import SharpBullMq, redis_program
from benchmarks.installation import Installation
from benchmarks.machine import describe
from benchmarks.measures.accepting import LARGE, SMALL, Accepting, measure_accepting
from benchmarks.measures.idle import measure_idle
from benchmarks.measures.initiating import Initiating, measure_initiating
from benchmarks.measures.lanes import measure_lanes
from benchmarks.measures.overhead import measure_overhead
from benchmarks.measures.sync import Sync, measure_sync
from benchmarks.measures.throughput import Throughput, measure_throughput
from benchmarks.measures.videos import Videos, measure_videos
from benchmarks.plan import FULL, QUICK, Plan
from benchmarks.run import Contestant
from benchmarks.transfers import transfers_running
from mediamill_testing.photos import CameraPhoto, PhotoCorpus, sized_photo

RESULTS = Path(__file__).parent / "results"
OUTPUT = "output"
LANES, VIDEOS, TRANSFERS = "lanes", "videos", "transfers"
PARTS = (LANES, VIDEOS, TRANSFERS)
"""What can be measured alone."""
MEGAPIXELS = {SMALL: 0.45, LARGE: 6.75}
"""Sizes of the photographs whose files weigh about that."""


def main() -> None:
    """Measure, write the results, and print the claims."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="small numbers: shows that it runs, proves nothing"
    )
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder to write to")
    parser.add_argument("--only", choices=PARTS, help="measure this part alone, and write nothing")
    arguments = parser.parse_args()
    if arguments.only is None:
        redis_program()  # says at once when it is missing, not minutes later
    plan = QUICK if arguments.quick else FULL
    os.environ["VIPS_CONCURRENCY"] = "1"  # two processes with one thread each: as fast as anything
    with tempfile.TemporaryDirectory(prefix="mediamill-benchmark-") as folder:
        (Path(folder) / OUTPUT).mkdir()
        if arguments.only is not None:
            claims = uvloop.run(measure_part(arguments.only, plan, Path(folder)))
            print(report.claims_table(claims))
            return
        results = uvloop.run(measure(plan, Path(folder)))
    report.write(results, arguments.results)
    print(report.claims_table(results.claims()))


async def measure(plan: Plan, folder: Path) -> report.Results:
    """Run all measures, one after the other, against one installation."""
    print("making photos", flush=True)
    photos = PhotoCorpus(folder / "corpus").camera(plan.different_photos)
    files = {size: sized_photo(folder / f"{size}.jpg", mega).path for size, mega in MEGAPIXELS.items()}
    installation = Installation()
    try:
        print("starting servers and services", flush=True)
        await installation.start()
        machine = describe(installation.rabbitmq, installation.postgres)
        staged, upload = MediamillStaged(installation), MediamillUpload(installation)
        paths = [photo.path for photo in photos]
        print("one upload on an idle system", flush=True)
        await upload.run(paths[:4])
        idle = await measure_idle(upload, paths, folder / OUTPUT, uploads=plan.idle_uploads)
        print("jobs without image work", flush=True)
        entries: dict[str, Contestant] = {"staged": staged, "uploaded": upload}
        overhead = await measure_overhead(installation, entries, folder / OUTPUT, jobs=plan.empty_jobs)
        print("throughput", flush=True)
        throughput = await _throughput(installation, (staged, upload), paths, folder, plan)
        print("one upload beside a bulk load", flush=True)
        lanes = await measure_lanes(installation, upload, paths, bulk=plan.bulk_photos)
        print("videos", flush=True)
        videos = await _videos(installation, folder, plan)
        print("accepting", flush=True)
        accepting = await _accepting(installation, files, plan)
        sync, initiating = await _transfers(installation, plan)
    except BaseException:
        print(installation.last_words(), flush=True)
        raise
    finally:
        await installation.stop()
    return report.Results(
        machine, _facts(photos, plan), throughput, idle, overhead, accepting, sync, initiating, lanes, videos
    )


async def measure_part(part: str, plan: Plan, folder: Path) -> list[Claim]:
    """Run one measure alone, against an installation of its own; return what it claims."""
    installation = Installation()
    try:
        await installation.start()
        if part == VIDEOS:
            return (await _videos(installation, folder, plan)).claims()
        if part == TRANSFERS:
            return [claim for measure in await _transfers(installation, plan) for claim in measure.claims()]
        upload = MediamillUpload(installation)
        paths = [photo.path for photo in PhotoCorpus(folder / "corpus").camera(plan.different_photos)]
        await upload.run(paths[:4])
        return (await measure_lanes(installation, upload, paths, bulk=plan.bulk_photos)).claims()
    finally:
        await installation.stop()


async def _transfers(installation: Installation, plan: Plan) -> tuple[Sync, Initiating]:
    async with transfers_running(installation.rabbitmq, installation.postgres) as operator:
        print("transfers to S3 and back", flush=True)
        sync = await measure_sync(operator, rounds=plan.sync_rounds, files=plan.sync_files)
        print("places for uploads to S3", flush=True)
        return sync, await measure_initiating(operator.system, seconds=plan.steady_seconds)


async def _videos(installation: Installation, folder: Path, plan: Plan) -> Videos:
    return await measure_videos(installation, folder, seconds=plan.video_seconds, rounds=plan.video_rounds)


async def _throughput(
    installation: Installation,
    own: tuple[MediamillStaged, MediamillUpload],
    photos: list[Path],
    folder: Path,
    plan: Plan,
) -> Throughput:
    contestants = (
        BareLoop(folder / "bare"),
        *own,
        SharpBullMq(folder / "sharp"),
        CeleryPillow(installation.rabbitmq.url, folder / "celery"),
    )
    batch = (photos * (plan.photos_a_round // len(photos) + 1))[: plan.photos_a_round]
    try:
        for contestant in contestants:
            await contestant.start()
        return await measure_throughput(contestants, batch, rounds=plan.rounds)
    finally:
        for contestant in contestants:
            await contestant.stop()


async def _accepting(installation: Installation, files: dict[str, Path], plan: Plan) -> Accepting:
    bare = BareServer()
    try:
        bare.start()
        return await measure_accepting(installation, bare.url, files, plan)
    finally:
        bare.stop()


def _facts(photos: list[CameraPhoto], plan: Plan) -> dict[str, float]:
    return {
        "different": len(photos),
        "a_contestant": plan.rounds * plan.photos_a_round,
        "megapixels": statistics.mean(photo.megapixels for photo in photos),
        "megabytes": statistics.mean(photo.path.stat().st_size for photo in photos) / 1e6,
    }


if __name__ == "__main__":
    main()
