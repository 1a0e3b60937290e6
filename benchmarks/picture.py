"""One picture of the run."""

from pathlib import Path

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.claims import Claim, median_ratio, percentile
from benchmarks.measures.accepting import Accepting
from benchmarks.measures.idle import Idle
from benchmarks.measures.lanes import Lanes
from benchmarks.measures.throughput import Throughput

_OWN, _LIMIT, _OTHER, _BAD = "#1f6f8b", "#7a7a7a", "#c9b79c", "#b3472f"


def draw(
    *,
    throughput: Throughput,
    accepting: Accepting,
    idle: Idle,
    lanes: Lanes,
    claims: list[Claim],
    target: Path,
) -> None:
    """Write throughput, latencies of accepting and of single uploads, and all targets into one PNG."""
    matplotlib.use("Agg")
    figure = Figure(figsize=(13, 13), layout="constrained")
    grid = figure.add_gridspec(3, 2)
    _throughput(figure.add_subplot(grid[0, 0]), throughput)
    _accepting(figure.add_subplot(grid[0, 1]), accepting)
    _idle(figure.add_subplot(grid[1, 0]), idle)
    _lanes(figure.add_subplot(grid[1, 1]), lanes)
    _claims(figure.add_subplot(grid[2, :]), claims)
    figure.savefig(target, dpi=110)


def _throughput(axes: Axes, throughput: Throughput) -> None:
    names = list(throughput.runs)
    rates = [percentile(throughput.rates(name), 50) for name in names]
    colors = [_OWN if "Mediamill" in name else _LIMIT if "bare" in name else _OTHER for name in names]
    bars = axes.barh(names, rates, color=colors)
    limit = next(throughput.rates(name) for name in names if "bare" in name)
    ratios = [median_ratio(throughput.rates(name), limit) for name in names]
    labels = [f"{rate:.1f}/s  ({ratio:.2f})" for rate, ratio in zip(rates, ratios, strict=True)]
    axes.bar_label(bars, labels, padding=3)
    axes.set_xlim(0, max(rates) * 1.3)
    axes.invert_yaxis()
    axes.set_title("Photos of 5 to 12 MP to three variants, photos a second (÷ bare loop)")


def _accepting(axes: Axes, accepting: Accepting) -> None:
    cells = [*accepting.concurrent, *accepting.steady]
    positions = range(len(cells))
    axes.barh([position - 0.2 for position in positions], [cell.p50_ms for cell in cells], 0.38, color=_OWN)
    axes.barh([position + 0.2 for position in positions], [cell.p99_ms for cell in cells], 0.38, color=_OTHER)
    for position, cell in enumerate(cells):
        axes.text(cell.p99_ms * 1.1, position + 0.2, f"{cell.p99_ms:.0f}", va="center", fontsize=8)
        axes.text(cell.p50_ms * 1.1, position - 0.2, f"{cell.p50_ms:.0f}", va="center", fontsize=8)
    axes.set_yticks(list(positions), [f"{cell.size}, {cell.load}" for cell in cells])
    axes.set_xscale("log")
    axes.set_xlim(right=2 * max(cell.p99_ms for cell in cells))
    axes.invert_yaxis()
    axes.legend(["p50", "p99"], loc="lower right")
    axes.set_title("Time to 202, row and event durable, ms")


def _idle(axes: Axes, idle: Idle) -> None:
    axes.plot([seconds * 1000 for seconds in idle.bare], "o", color=_LIMIT, label="bare processing")
    axes.plot([seconds * 1000 for seconds in idle.ready], "o", color=_OWN, label="upload to ready")
    axes.set_ylim(bottom=0)
    axes.set_xlabel("upload")
    axes.set_ylabel("ms")
    axes.legend()
    axes.set_title("One upload at a time on an idle system")


def _lanes(axes: Axes, lanes: Lanes) -> None:
    axes.ecdf([seconds * 1000 for seconds in lanes.alone], color=_LIMIT, label="idle system")
    axes.ecdf([seconds * 1000 for seconds in lanes.loaded], color=_OWN, label=f"beside {lanes.bulk} in bulk")
    axes.set_xlim(left=0)
    axes.set_xlabel("ms, upload to ready")
    axes.set_ylabel("share of uploads")
    axes.legend(loc="lower right")
    axes.set_title("One upload, alone and under a bulk load")


def _claims(axes: Axes, claims: list[Claim]) -> None:
    axes.axis("off")
    axes.set_title("Targets")
    for row, claim in enumerate(claims):
        height = 0.95 - row * 0.95 / max(1, len(claims))
        sign = "≥" if claim.bound == "at least" else "≤"
        color = _OWN if claim.met else _BAD
        axes.text(0.0, height, claim.name, fontsize=9, transform=axes.transAxes)
        value = f"{claim.value:.3g} {claim.unit}  ({sign} {claim.target:g})"
        axes.text(1.0, height, value, fontsize=9, color=color, ha="right", transform=axes.transAxes)
