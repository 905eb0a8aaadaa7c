"""An upload of 50 MB through a grant, beside boto3's put_object of the same file to the same emulator; and memory.

The emulator and storage run in processes of their own, and so does every upload; a round does both ways in turn. Both
read the file twice, once for its checksum: ours is in the grant, boto3's in the signature that it needs without TLS.
Emulator, storage and client share the cores. Memory is the most that a process ever had, after 1 MB and after 50 MB.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from bench.memory import peak_of
from bench.report import Row
from tools.stack.layout import Layout, Ports
from tools.stack.processes import Running, start, stop
from tools.stack.programs import Backend, Program, moto, storage
from tools.stack.provision import provision

if TYPE_CHECKING:
    from collections.abc import Iterator

ROUNDS = 5
MEGABYTE = 1_000_000
SMALL, LARGE = 1, 50


@contextmanager
def running(program: Program, layout: Layout) -> Iterator[Running]:
    """A program until it is not needed any more."""
    process = start(
        program.name, program.command, env=program.environment(), cwd=Path.cwd(), log=layout.log(program.name)
    )
    try:
        while not all(probe() for probe in program.ready):
            if not process.is_alive():
                raise RuntimeError(layout.log(program.name).read_text())
            time.sleep(0.1)
        yield process
    finally:
        stop([process], patience=25)


def upload(kind: str, where: str, path: Path) -> tuple[float, float]:
    """Seconds, and MiB of memory."""
    command = [sys.executable, "-m", "bench.upload_client", kind, where, str(path)]
    seconds, memory = map(float, subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.split())
    return seconds, memory


def random_file(folder: Path, megabytes: int) -> Path:
    """A file that nobody can compress."""
    path = folder / f"{megabytes}.wav"
    path.write_bytes(os.urandom(megabytes * MEGABYTE))
    return path


def memory_row(name: str, *, large: float, small: float) -> Row:
    """Memory with 50 MB beside memory with 1 MB."""
    return Row(
        name=name,
        unit="MiB",
        measured=large,
        limit=small,
        limit_name=f"the same after {SMALL} MB",
        goal=1.1,
        higher_is_better=False,
    )


def measure(layout: Layout, service: Running, folder: Path) -> list[Row]:
    """Memory first, while the service has seen nothing large; then speed, in turn."""
    address, endpoint = layout.address("storage"), f"http://{layout.address('moto')}"
    small, large = random_file(folder, SMALL), random_file(folder, LARGE)
    _, client_small = upload("grant", address, small)
    upload("stream", address, small)
    service_small = peak_of(service.pid)
    upload("stream", address, large)
    service_large = peak_of(service.pid)
    speeds: dict[str, list[float]] = {"grant": [], "boto3": []}
    memory: list[float] = []
    for _ in range(ROUNDS):
        for kind, where in (("grant", address), ("boto3", endpoint)):
            seconds, most = upload(kind, where, large)
            speeds[kind].append(LARGE / seconds)
            if kind == "grant":
                memory.append(most)
    return [
        Row(
            name=f"{LARGE} MB through a grant",
            unit="MB/s",
            measured=median(speeds["grant"]),
            limit=median(speeds["boto3"]),
            limit_name="boto3's put_object",
            goal=0.9,
            higher_is_better=True,
        ),
        memory_row(f"client's memory, {LARGE} MB through a grant", large=median(memory), small=client_small),
        memory_row(f"storage's memory, UploadAudio of {LARGE} MB", large=service_large, small=service_small),
    ]


def run() -> list[Row]:
    """Start what is needed, and measure."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        layout = Layout(ports=Ports.free(), data=folder, run=folder)
        stack.enter_context(running(moto(layout), layout))
        service = storage(layout, Backend.AWS)
        provision(service)
        return measure(layout, stack.enter_context(running(service, layout)), folder)
