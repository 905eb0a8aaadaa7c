"""An upload of 50 MB through a grant, beside boto3's put_object of the same file to the same emulator; and memory.

The emulator and storage run in processes of their own, and so does every upload; a round does both ways in turn. Both
read the file twice, once for its checksum: ours is in the grant, boto3's in the signature that it needs without TLS.
Emulator, storage and client share the cores. Memory is the most that a process ever had, after 1 MB and after 50 MB.
"""

from __future__ import annotations

import os
import subprocess
import sys
from statistics import median
from typing import TYPE_CHECKING

from bench.memory import peak_of
from bench.report import Row
from bench.storage_set import StorageSet, storage_set
from tools.stack.programs import Backend

if TYPE_CHECKING:
    from pathlib import Path

ROUNDS = 5
MEGABYTE = 1_000_000
SMALL, LARGE = 1, 50


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


def measure(started: StorageSet) -> list[Row]:
    """Memory first, while the service has seen nothing large; then speed, in turn."""
    address, endpoint, service, folder = started.address, started.endpoint, started.service, started.folder
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
    with storage_set(Backend.AWS) as started:
        return measure(started)
