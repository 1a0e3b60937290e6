"""How fast uploads are answered, with the row and the event durable.

The processor is stopped for the claims: accepted jobs wait in their queue. Admission runs, and client,
ingest, PostgreSQL and RabbitMQ share the machine. The same steady rates are also measured while photos are
processed.
"""

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.claims import Claim, median_ratio, percentile
from benchmarks.installation import Installation
from benchmarks.load import Answer, UploadRequest, closed_loop, steady_rate
from benchmarks.plan import Plan
from benchmarks.processes import find_process, peak_memory, reset_peak_memory
from mediamill_testing.waiting import eventually

ACCEPTED = 202
SMALL, LARGE = "200 kB", "2.5 MB"
STEADY = {SMALL: 50.0, LARGE: 10.0}
"""Uploads a second."""
STEADY_TARGETS_MS = {SMALL: 50.0, LARGE: 100.0}
LOOP_CLIENTS = 50
LOOP_TARGET = 0.5
CROWD = 500
MEMORY_TARGET_MB = 300.0
SETTLE_SECONDS = 240.0


@dataclass
class Cell:
    """The answers to one load."""

    size: str
    load: str
    uploads: int
    refused: int
    p50_ms: float
    p99_ms: float
    per_second: float


@dataclass
class Accepting:
    """All that was measured about accepting."""

    concurrent: list[Cell] = field(default_factory=list)
    steady: list[Cell] = field(default_factory=list)
    steady_while_processing: list[Cell] = field(default_factory=list)
    crowd_memory_mb: float = 0.0
    """Most resident memory of ingest while 500 clients uploaded 2.5 MB each; 0 when that was not measured."""
    loop_ingest: list[float] = field(default_factory=list)
    loop_bare: list[float] = field(default_factory=list)
    """Uploads a second of 2.5 MB in a closed loop of 50 clients, in turns."""

    def claims(self) -> list[Claim]:
        """Return each figure against its target."""
        claims = [
            Claim(
                f"accepting {STEADY[cell.size]:g}/s of {cell.size}, p99",
                cell.p99_ms,
                "at most",
                STEADY_TARGETS_MS[cell.size],
                "ms",
            )
            for cell in self.steady
        ]
        if self.crowd_memory_mb:
            name = f"ingest's peak memory, {CROWD} uploads of {LARGE} at once"
            refused = sum(cell.refused for cell in self.concurrent)
            claims.append(Claim(name, self.crowd_memory_mb, "at most", MEMORY_TARGET_MB, "MB"))
            claims.append(Claim("uploads not answered 202", refused, "at most", 0))
        ratio = median_ratio(self.loop_ingest, self.loop_bare)
        name = f"closed loop of {LOOP_CLIENTS} clients, {LARGE} ÷ bare endpoint"
        return [*claims, Claim(name, ratio, "at least", LOOP_TARGET)]


async def measure_accepting(
    installation: Installation, bare_url: str, files: dict[str, Path], plan: Plan
) -> Accepting:
    """Measure under load first with the processor at work, then without it."""
    result = Accepting()
    url = installation.system.ingest.url
    uploads = {size: installation.upload(path) for size, path in files.items()}
    bare = UploadRequest("/upload", [files[LARGE]], headers={})
    result.steady_while_processing = await _steady(installation, uploads, plan.steady_seconds)
    installation.system.processor.stop()
    result.steady = await _steady(installation, uploads, plan.steady_seconds)
    ingest = find_process("mediamill_ingest")
    for size, loads in ((SMALL, plan.small_uploads), (LARGE, plan.large_uploads)):
        for clients, count in loads.items():
            reset_peak_memory(ingest)
            answers, seconds = await _timed(url, uploads[size], clients, count)
            if (size, clients) == (LARGE, CROWD):
                result.crowd_memory_mb = peak_memory(ingest) / 1e6
            result.concurrent.append(_cell(size, f"{clients} at once", answers, seconds))
            await _settled(installation)
    for _ in range(plan.loop_rounds):
        for target, request, rates in (
            (bare_url, bare, result.loop_bare),
            (url, uploads[LARGE], result.loop_ingest),
        ):
            await asyncio.to_thread(os.sync)  # what one left unwritten slows whoever flushes next
            answers, seconds = await _timed(target, request, LOOP_CLIENTS, plan.loop_uploads)
            rates.append(len(answers) / seconds)
        await _settled(installation)
    return result


async def _steady(
    installation: Installation, uploads: dict[str, UploadRequest], seconds: float
) -> list[Cell]:
    cells = []
    for size, request in uploads.items():
        url = installation.system.ingest.url
        answers = await steady_rate(url, request, per_second=STEADY[size], seconds=seconds)
        cells.append(_cell(size, f"{STEADY[size]:g} a second", answers, seconds))
        await _settled(installation)
    return cells


async def _timed(url: str, request: UploadRequest, clients: int, count: int) -> tuple[list[Answer], float]:
    started = asyncio.get_running_loop().time()
    answers = await closed_loop(url, request, clients=clients, uploads=count)
    return answers, asyncio.get_running_loop().time() - started


def _cell(size: str, load: str, answers: Sequence[Answer], seconds: float) -> Cell:
    times = [answer.seconds * 1000 for answer in answers]
    refused = sum(answer.status != ACCEPTED for answer in answers)
    cell = Cell(
        size,
        load,
        len(answers),
        refused,
        percentile(times, 50),
        percentile(times, 99),
        len(answers) / seconds,
    )
    print(
        f"  {size}, {load}: p50 {cell.p50_ms:.1f} ms, p99 {cell.p99_ms:.1f} ms, {refused} refused", flush=True
    )
    return cell


async def _settled(installation: Installation) -> None:
    """Wait until admission has taken all that was accepted, so that one load does not slow the next."""
    statement = (
        "SELECT count(*) FROM media WHERE status = 'CONFIRMED' "
        "AND (original_key IS NULL OR original_key NOT LIKE 'permanent/%')"
    )
    await eventually(lambda: installation.query(statement) == "0", SETTLE_SECONDS)
