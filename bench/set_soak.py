"""R35: whether the whole set leaks. `python -m bench.set_soak --minutes 120`; by itself, as it takes so long.

storage, synth, sweeper and gateway as `make up` starts them; mixed callers at a steady pace, and a sweep each minute.
Each minute: memory, descriptors and dead children of each process. At the end everything has expired and is swept:
what then still lies in the data folder or among temporary files was left behind.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean, linear_regression
from typing import TYPE_CHECKING, Final

import httpx
from rich.console import Console

from bench.memory import dead_children, open_files, resident
from bench.report import Row, as_json, at_most, show
from bench.set_lives import LIVES, TTL, Caller
from mayfly_client import AsyncClient
from tools.stack.layout import Layout, Ports
from tools.stack.lifecycle import bring_down, bring_up, exit_on_sigterm
from tools.stack.programs import Backend
from tools.stack.view import LineView

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tools.stack.record import Record

CALLERS: Final = 4
_MINUTE: Final = 60


@dataclass(slots=True)
class Soak:
    """What was seen."""

    memory: dict[str, list[float]] = field(default_factory=dict)
    """MiB of each process, minute by minute."""
    files: dict[str, list[int]] = field(default_factory=dict)
    ended: dict[str, int] = field(default_factory=dict)
    """Children of each process that had ended at the last glance: one that is looked after is gone at the next."""
    dead: int = 0
    """Those that nobody had looked after between two glances."""
    lived: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    left: list[str] = field(default_factory=list)
    """Files, once everything has expired and was swept."""


async def live(soak: Soak, caller: Caller, pause: float, stop: asyncio.Event) -> None:
    """One life after the other, each at its time."""
    while not stop.is_set():
        life = caller.chance.choice(LIVES)
        try:
            await life(caller)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what this is to find
            soak.errors[f"{life.__name__}: {type(error).__name__}"] += 1
        soak.lived[life.__name__] += 1
        await asyncio.sleep(caller.chance.uniform(0, 2 * pause))


async def sweep(soak: Soak, client: AsyncClient) -> None:
    """As the CronJob does it, but more often."""
    started = await client.start_sweep()
    states = [state async for state in client.watch_sweep(started.name)]
    soak.errors["sweep: failed items"] += sum(line.failed for line in states[-1].report.lines)


def look(soak: Soak, record: Record) -> None:
    """One glance at each process."""
    for process in record.processes:
        soak.memory.setdefault(process.name, []).append(resident(process.pid))
        soak.files.setdefault(process.name, []).append(open_files(process.pid))
    look_for_the_dead(soak, record)


def look_for_the_dead(soak: Soak, record: Record) -> None:
    """Count the children of each process that are dead, and were at the last glance."""
    ended = {process.name: dead_children(process.pid) for process in record.processes}
    soak.dead += sum(min(count, soak.ended.get(name, 0)) for name, count in ended.items())
    soak.ended = ended


async def soaked(layout: Layout, record: Record, minutes: int, pause: float, tell: Callable[[str], None]) -> Soak:
    """All of it."""
    soak, stop = Soak(), asyncio.Event()
    storage, synth, sweeper = (layout.address(door) for door in ("storage", "synth", "sweeper"))
    async with (
        AsyncClient(storage=storage, synth=synth, sweeper=sweeper, timeout=60) as client,
        httpx.AsyncClient(base_url=f"http://{layout.address('gateway')}", timeout=60) as http,
        asyncio.TaskGroup() as group,
    ):
        for number in range(CALLERS):
            group.create_task(live(soak, Caller(client, http, random.Random(number)), pause, stop))  # noqa: S311
        for minute in range(1, minutes + 1):
            await asyncio.sleep(_MINUTE)
            await sweep(soak, client)
            look(soak, record)
            memory = ", ".join(f"{name} {seen[-1]:.1f}" for name, seen in soak.memory.items())
            errors = dict(+soak.errors) or "none"
            tell(f"minute {minute}: {soak.lived.total():,} lives; MiB: {memory}; errors: {errors}")
        stop.set()
        await asyncio.sleep(2 * TTL)
        await sweep(soak, client)
        look_for_the_dead(soak, record)
    return soak


def rows_of(soak: Soak) -> list[Row]:
    """Each figure beside what R35 allows; the first quarter is warm-up."""
    rows = []
    for name, memory in soak.memory.items():
        settled, files = memory[len(memory) // 4 :], soak.files[name][len(memory) // 4 :]
        slope = linear_regression(range(len(settled)), settled).slope * 60 / fmean(settled) * 100
        rows.append(at_most(f"memory of {name} ({fmean(settled):.0f} MiB)", "%/h", slope, allowed=1))
        rows.append(at_most(f"open files of {name}", "more or less", max(files) - min(files), allowed=10))
    rows += [
        at_most("dead children", "seen", soak.dead, allowed=0),
        at_most("files left behind", "files", len(soak.left), allowed=0),
        at_most(f"errors in {soak.lived.total():,} lives", "errors", soak.errors.total(), allowed=0),
    ]
    return rows


def soaked_in(folder: Path, minutes: int, pause: float, console: Console) -> Soak:
    """Bring the set up, soak it, and look at what is left when it is down."""
    layout = Layout(ports=Ports.free(), data=folder / "data", run=folder / "run")
    temporary = folder / "temporary"
    for each in (layout.run, temporary):
        each.mkdir()
    os.environ["TMPDIR"] = str(temporary)  # of the services, so that what they leave is seen
    record = bring_up(layout, Backend.EMBEDDED, LineView(console))
    try:
        soak = asyncio.run(soaked(layout, record, minutes, pause, console.print))
        soak.left = [str(path) for path in left_in(layout.data, temporary)]
    finally:
        bring_down(layout)
    return soak


def left_in(data: Path, temporary: Path) -> list[Path]:
    """Audio that nobody can read any more, and temporary files that nobody uses."""
    kept = [path for path in data.rglob("*") if path.suffix in {".wav", ".opus", ".mp3"}]
    return kept + [path for path in temporary.rglob("*") if path.is_file()]


def main(arguments: Sequence[str] | None = None) -> None:
    """Soak; exit with 1 if something was left behind."""
    parser = argparse.ArgumentParser(prog="python -m bench.set_soak", description=__doc__)
    parser.add_argument("--minutes", type=int, default=120, help="how long (default: 120)")
    parser.add_argument("--pause", type=float, default=0.5, help="seconds between two lives of a caller, on average")
    parser.add_argument("--json", action="store_true", help="print rows as JSON")
    asked = parser.parse_args(arguments)
    exit_on_sigterm()
    console = Console(stderr=True)
    with tempfile.TemporaryDirectory() as folder:
        soak = soaked_in(Path(folder), asked.minutes, asked.pause, console)
    for line in (*soak.left, *(f"{count} x {error}" for error, count in (+soak.errors).items())):
        console.print(line)
    rows = rows_of(soak)
    if asked.json:
        print(as_json(rows))
    else:
        show(rows, Console())
    sys.exit(0 if all(each.is_reached for each in rows) else 1)


if __name__ == "__main__":
    main()
