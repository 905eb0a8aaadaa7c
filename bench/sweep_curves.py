"""Draws what a sweep costs: `python -m bench.sweep_curves FOLDER` measures, and writes two SVG files.

Seconds by how much is due, in a store of 100,000; and seconds by how much is stored, of which 1,000 are due.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.console import Console

from bench.line_chart import LineChart
from bench.sweep import sweep
from bench.sweep_stores import Full

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bench.sweep import Swept

DUE: Final = (1_000, 3_000, 10_000, 30_000, 100_000)
STORED: Final = (10_000, 30_000, 100_000, 300_000, 1_000_000)
FEW: Final = DUE[0]


def time_chart(by_due: dict[int, Swept], by_stored: dict[int, Swept]) -> LineChart:
    """Both curves over one axis."""
    return LineChart(
        title="Seconds of a sweep: it follows what is due, not what is stored",
        x_name="audio",
        y_name="s",
        series={
            f"due, of {DUE[-1]:,}": [(due, swept.seconds) for due, swept in by_due.items()],
            f"stored; {FEW:,} due": [(stored, swept.seconds) for stored, swept in by_stored.items()],
        },
        marks=sorted({*DUE, *STORED[-2:]}),
    )


def memory_chart(by_due: dict[int, Swept]) -> LineChart:
    """The most that each process had."""
    return LineChart(
        title="Memory of a sweep, by what is due",
        x_name="audio that is due",
        y_name="MiB",
        series={
            "storage, at most": [(due, swept.storage_peak) for due, swept in by_due.items()],
            "sweeper, at most": [(due, swept.sweeper_peak) for due, swept in by_due.items()],
        },
    )


def measure(stores: Iterable[tuple[int, Full]]) -> dict[int, Swept]:
    """A sweep of each."""
    return {size: sweep(full) for size, full in stores}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and draw."""
    parser = argparse.ArgumentParser(prog="python -m bench.sweep_curves", description=__doc__)
    parser.add_argument("folder", type=Path, help="where the pictures go")
    folder: Path = parser.parse_args(arguments).folder
    console = Console(stderr=True)
    with console.status("measuring ..."):
        by_due = measure((due, Full(expired=due, live=DUE[-1] - due)) for due in DUE)
        by_stored = measure((stored, Full(expired=FEW, live=stored - FEW)) for stored in STORED)
    charts = {"time": time_chart(by_due, by_stored), "memory": memory_chart(by_due)}
    for name, chart in charts.items():
        path = folder / f"sweep-{name}.svg"
        path.write_text(chart.svg(), encoding="utf-8")
        console.print(f"wrote {path}")


if __name__ == "__main__":
    main()
