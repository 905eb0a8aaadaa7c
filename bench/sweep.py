"""A sweep of the embedded store by the real processes: 100,000 expired of a million, and how time and memory grow.

Storage serves a data folder that was filled before; `mayfly-sweeper run --passes due` sweeps it. Beside it, in a store
of the same kind: one DeleteAudio for each expired audio, as a script would do it. What the listing of objects costs is
another matter (`large-stores`): it looks at everything.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bench.memory import peak_of
from bench.report import Row
from bench.storage_set import running
from bench.sweep_stores import Full, fill_folder
from mayfly_client import AsyncClient
from mayfly_storage.backends.embedded.folder import DataFolder
from tools.stack.layout import Layout, Ports
from tools.stack.programs import Backend, storage, sweeper

if TYPE_CHECKING:
    from collections.abc import Iterator

SMALL: Final = Full(expired=1_000, live=99_000)
DUE: Final = Full(expired=1_000, live=999_000)
LARGE: Final = Full(expired=100_000, live=900_000)
ONE_BY_ONE: Final = Full(expired=1_000, live=0)
_GLANCE: Final = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """One sweep of one store."""

    deleted: int
    seconds: float
    """As the sweeper tells them: without the start of its interpreter."""
    sweeper_peak: float
    storage_peak: float
    """MiB."""


def sweep(full: Full) -> Swept:
    """Fill a folder, serve it, and sweep it."""
    with tempfile.TemporaryDirectory() as place:
        layout = Layout(ports=Ports.free(), data=Path(place), run=Path(place))
        fill_folder(layout.data / "storage", full)
        with running(storage(layout, Backend.EMBEDDED), layout) as service:
            report, peak = _run(layout)
            return Swept(
                deleted=sum(line["deleted"] for line in report["report"]["lines"]),
                seconds=report["elapsed_seconds"],
                sweeper_peak=peak,
                storage_peak=peak_of(service.pid),
            )


def _run(layout: Layout) -> tuple[dict[str, Any], float]:
    """`mayfly-sweeper run`: its report, and the most memory that it had."""
    command = [sys.executable, "-m", "mayfly_sweeper", "run", "--passes", "due", "--json", "--time-budget", "1800"]
    environment = {**sweeper(layout).environment(), "MAYFLY_SWEEPER_LOG_LEVEL": "ERROR"}
    peak = 0.0
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        while process.poll() is None:
            with suppress(OSError, AssertionError):  # it has just ended
                peak = max(peak, peak_of(process.pid))
            time.sleep(_GLANCE)
        assert process.stdout is not None
        report: dict[str, Any] = json.loads(process.stdout.read())
    return report, peak


def one_by_one(full: Full) -> float:
    """Deletions in a second, one call each."""
    with tempfile.TemporaryDirectory() as place:
        layout = Layout(ports=Ports.free(), data=Path(place), run=Path(place))
        fill_folder(layout.data / "storage", full)
        names = list(_names(layout.data / "storage"))
        with running(storage(layout, Backend.EMBEDDED), layout):
            return asyncio.run(_delete(layout.address("storage"), names))


def _names(path: Path) -> Iterator[str]:
    for file in sorted(DataFolder(path).objects.rglob("*.wav")):
        yield f"audio/{file.parent.name}/{file.stem}"


async def _delete(address: str, names: list[str]) -> float:
    async with AsyncClient(storage=address, timeout=60) as client:
        begun = time.perf_counter()
        for name in names:
            assert await client.delete(name)
        return len(names) / (time.perf_counter() - begun)


def _row(name: str, unit: str, figures: tuple[float, float], limit_name: str, *, goal: float | None) -> Row:
    measured, limit = figures
    return Row(
        name=name,
        unit=unit,
        measured=measured,
        limit=limit,
        limit_name=limit_name,
        goal=goal,
        higher_is_better=unit.endswith("/s"),
    )


def run() -> list[Row]:
    """Small, as much due in a store ten times as large, and a hundred times as much due."""
    small, due, large = sweep(SMALL), sweep(DUE), sweep(LARGE)
    assert [each.deleted for each in (small, due, large)] == [SMALL.expired, DUE.expired, LARGE.expired]
    speed = large.deleted / large.seconds
    by_hundred = f"of {SMALL.expired:,}"
    return [
        _row(
            f"sweep of {LARGE.expired:,} expired of a million",
            "objects/s",
            (speed, one_by_one(ONE_BY_ONE)),
            "one call each",
            goal=1.0,
        ),
        _row(
            f"sweep of {DUE.expired:,} of {DUE.expired + DUE.live:,}",
            "s",
            (due.seconds, small.seconds),
            f"the same of {SMALL.expired + SMALL.live:,}",
            goal=1.5,
        ),
        _row(
            "the sweeper's memory, a hundred times as much due",
            "MiB",
            (large.sweeper_peak, small.sweeper_peak),
            by_hundred,
            goal=1.3,
        ),
        _row(
            "storage's memory, a hundred times as much due",
            "MiB",
            (large.storage_peak, due.storage_peak),
            by_hundred,
            goal=1.3,
        ),
    ]
