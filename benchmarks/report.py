"""Writes what was measured: JSON for machines, a table and a picture for people."""

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.claims import Claim, percentile
from benchmarks.measures.accepting import Accepting, Cell
from benchmarks.measures.idle import Idle
from benchmarks.measures.initiating import Initiating
from benchmarks.measures.lanes import Lanes
from benchmarks.measures.overhead import TARGET, TARGET_MS, TARGET_PHOTO_MS, Overhead
from benchmarks.measures.sync import BYTES, Sync
from benchmarks.measures.throughput import Throughput
from benchmarks.measures.videos import FRAMES_PER_SECOND, SIZE, Videos
from benchmarks.picture import draw

_INTRODUCTION = """\
# Results

One run of `make bench`. Client, servers, services and contestants share the same {cores} cores, and take
turns: ratios are those of one round, their median counts. PostgreSQL runs with fsync.
"""


@dataclass(frozen=True)
class Results:
    """All measures of one run, and where they were taken."""

    machine: dict[str, str]
    photos: dict[str, float]
    throughput: Throughput
    idle: Idle
    overhead: Overhead
    accepting: Accepting
    sync: Sync
    initiating: Initiating
    lanes: Lanes
    videos: Videos

    def claims(self) -> list[Claim]:
        """Return every claim with its target."""
        parts = (
            self.throughput,
            self.idle,
            self.lanes,
            self.videos,
            self.overhead,
            self.accepting,
            self.sync,
            self.initiating,
        )
        return [claim for part in parts for claim in part.claims()]


def write(results: Results, folder: Path) -> None:
    """Write `results.json`, `results.md` and `results.png`."""
    folder.mkdir(parents=True, exist_ok=True)
    content: dict[str, Any] = asdict(results)
    content["claims"] = [{**asdict(claim), "met": claim.met} for claim in results.claims()]
    (folder / "results.json").write_text(json.dumps(content, indent=1) + "\n")
    (folder / "results.md").write_text(_markdown(results))
    draw(
        throughput=results.throughput,
        accepting=results.accepting,
        idle=results.idle,
        lanes=results.lanes,
        claims=results.claims(),
        target=folder / "results.png",
    )


def claims_table(claims: list[Claim]) -> str:
    """Return the claims as a Markdown table."""
    rows = [
        f"| {claim.name} | {claim.value:.3g} {claim.unit} | {claim.bound} {claim.target:g} {claim.unit} "
        f"| {'met' if claim.met else '**missed**'} |"
        for claim in claims
    ]
    return "\n".join(["| measured | value | target | |", "|---|---|---|---|", *rows])


def _markdown(results: Results) -> str:
    machine = ", ".join(f"{name} {value}" for name, value in results.machine.items())
    photos = (
        f"{results.photos['different']:g} different photos of {results.photos['megapixels']:.1f} MP and "
        f"{results.photos['megabytes']:.2f} MB on average, {results.photos['a_contestant']:g} a contestant."
    )
    sections = (
        _INTRODUCTION.format(cores=results.machine["cores"]),
        claims_table(results.claims()),
        "\n## Photos to ready\n",
        photos + "\n",
        _throughput_table(results.throughput),
        "## Accepting uploads\n",
        "The processor is stopped, unless said: accepted jobs wait in their queue.\n",
        _cells_table(results.accepting),
        "## Transfers to S3 and back\n",
        _sync_table(results.sync),
        "## One upload on an idle system\n",
        _idle_line(results.idle),
        "## One upload beside a bulk load\n",
        _lanes_table(results.lanes),
        "## Videos\n",
        _videos_line(results.videos),
        "## CPU a job, one-pixel photos\n",
        _overhead_table(results.overhead),
        _overhead_line(results.overhead),
        "## Machine\n",
        machine,
    )
    return "\n".join(sections) + "\n"


def _throughput_table(throughput: Throughput) -> str:
    rows = [
        f"| {name} | {percentile(throughput.rates(name), 50):.2f} | {throughput.latency(name, 50):.2f} "
        f"| {throughput.latency(name, 99):.2f} |"
        for name in throughput.runs
    ]
    head = ["| | photos/s | queue to ready p50, s | p99, s |", "|---|---|---|---|"]
    return "\n".join([*head, *rows]) + "\n"


def _cells_table(accepting: Accepting) -> str:
    def row(cell: Cell, remark: str = "") -> str:
        return (
            f"| {cell.size} | {cell.load}{remark} | {cell.uploads} | {cell.p50_ms:.1f} | {cell.p99_ms:.1f} "
            f"| {cell.per_second:.0f} | {cell.refused} |"
        )

    rows = [
        *(row(cell) for cell in accepting.concurrent),
        *(row(cell) for cell in accepting.steady),
        *(row(cell, ", while photos are processed") for cell in accepting.steady_while_processing),
    ]
    head = [
        "| size | load | uploads | p50, ms | p99, ms | uploads/s | not 202 |",
        "|---|---|---|---|---|---|---|",
    ]
    return "\n".join([*head, *rows]) + "\n"


def _sync_table(sync: Sync) -> str:
    def row(name: str, ours: list[float], bare: list[float]) -> str:
        return f"| {name} | {percentile(ours, 50):.0f} | {percentile(bare, 50):.0f} |"

    head = [f"| files of {BYTES // 1000} kB a second, median | with record | bare loop |", "|---|---|---|"]
    rows = [row("to S3", sync.up, sync.up_bare), row("from S3", sync.down, sync.down_bare)]
    return "\n".join([*head, *rows]) + "\n"


def _idle_line(idle: Idle) -> str:
    bare, ready = percentile(idle.bare, 50) * 1000, percentile(idle.ready, 50) * 1000
    return (
        f"{len(idle.bare)} uploads, one at a time: bare processing {bare:.0f} ms (median), "
        f"ready after {ready:.0f} ms; "
        f"added p50 {percentile(idle.added_ms, 50):.0f} ms, p95 {percentile(idle.added_ms, 95):.0f} ms.\n"
    )


def _lanes_table(lanes: Lanes) -> str:
    def row(name: str, seconds: Sequence[float]) -> str:
        return f"| {name} | {len(seconds)} | {percentile(seconds, 50):.2f} | {percentile(seconds, 95):.2f} |"

    rows = [
        "| upload to ready | uploads | p50, s | p95, s |",
        "|---|---|---|---|",
        row("alone", lanes.alone),
        row(f"while {lanes.bulk} photos are taken in and processed in bulk", lanes.loaded),
        row("delay", lanes.added),
    ]
    ratio = percentile(lanes.loaded, 50) / percentile(lanes.alone, 50)
    remark = (
        f"\nA job takes {lanes.job_seconds:.2f} s of one core under this load, all {lanes.bulk} took "
        f"{lanes.bulk_seconds:.0f} s. Loaded ÷ alone, p50: {ratio:.2f}.\n"
    )
    return "\n".join([*rows, remark])


def _videos_line(videos: Videos) -> str:
    return (
        f"{len(videos.ours)} rounds with a video of {videos.video_seconds:g} s, {SIZE}, {FRAMES_PER_SECOND} "
        f"frames a second: bare ffmpeg {percentile(videos.bare, 50):.1f} s (median), "
        f"upload to ready {percentile(videos.ours, 50):.1f} s.\n"
    )


def _overhead_table(overhead: Overhead) -> str:
    names = list(next(iter(overhead.by_entry.values())))
    head = [f"| ms of CPU | {' | '.join(names)} | less image work | total |", "|---" * (len(names) + 3) + "|"]
    rows = [
        f"| {entry} | {' | '.join(f'{spent[name]:.1f}' for name in names)} | {overhead.pixel[entry]:.1f} "
        f"| {overhead.total(entry):.1f} |"
        for entry, spent in overhead.by_entry.items()
    ]
    return "\n".join([*head, *rows]) + "\n"


def _overhead_line(overhead: Overhead) -> str:
    photo_ms = statistics.mean(overhead.photo.values())
    return (
        f"The image work of a photo took {photo_ms:.0f} ms of CPU before and after these batches. The target "
        f"of {TARGET_MS} ms is for a machine on which it takes {TARGET_PHOTO_MS}: "
        f"here, that is {TARGET * photo_ms:.0f} ms.\n"
    )
