"""An upload of 50 MB through a grant, beside boto3's put_object of the same file to the same emulator; and memory.

The emulator and storage run in processes of their own, and so does every upload; a round does both ways in turn. Both
read the file twice, once for its checksum: ours is in the grant, boto3's in the signature that it needs without TLS.
Emulator, storage and client share the cores. Memory is the most that a process ever had, after 1 MB and after 50 MB.
For comparison: a store that keeps no checksums, as storage takes an unknown one to be, has the bytes read back at the
commit; embedded storage takes the same file through its own link server, and as a stream of messages: both
write it to the disk durably, which the emulator does not.
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
KEEPS_CHECKSUMS = {"MAYFLY_STORAGE_CHECKSUMS": "true", "MAYFLY_STORAGE_CONDITIONAL_PUTS": "true"}
"""What S3 itself does, and the emulator, too; at another endpoint storage has to be told."""


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


def memories(started: StorageSet, embedded: StorageSet, small: Path, large: Path) -> list[Row]:
    """What is in memory, while the services have seen nothing large before."""
    most: dict[str, list[float]] = {"client": [], "streamed": [], "linked": []}
    for path in (small, large):
        most["client"].append(upload("grant", started.address, path)[1])
        upload("stream", started.address, path)
        most["streamed"].append(peak_of(started.service.pid))
        upload("grant", embedded.address, path)
        most["linked"].append(peak_of(embedded.service.pid))
    names = {
        "client": f"client's memory, {LARGE} MB through a grant",
        "streamed": f"storage's memory, UploadAudio of {LARGE} MB",
        "linked": f"storage's memory, {LARGE} MB to its link server",
    }
    return [memory_row(names[each], small=before, large=after) for each, (before, after) in most.items()]


def speeds(started: StorageSet, cautious: StorageSet, embedded: StorageSet, large: Path) -> list[Row]:
    """How fast, in turn."""
    ways = {
        "boto3": ("boto3", started.endpoint),
        f"{LARGE} MB through a grant": ("grant", started.address),
        f"{LARGE} MB through a grant, read back": ("grant", cautious.address),
        f"{LARGE} MB through a grant, embedded": ("grant", embedded.address),
        f"{LARGE} MB by UploadAudio, embedded": ("stream", embedded.address),
    }
    rounds = [
        {name: LARGE / upload(kind, where, large)[0] for name, (kind, where) in ways.items()} for _ in range(ROUNDS)
    ]
    limit = median(each["boto3"] for each in rounds)
    return [
        Row(
            name=name,
            unit="MB/s",
            measured=limit * median(each[name] / each["boto3"] for each in rounds),
            limit=limit,
            limit_name="boto3's put_object",
            # The others go to another server than boto3 does.
            goal=0.9 if where == started.address else None,
            higher_is_better=True,
        )
        for name, (_, where) in ways.items()
        if name != "boto3"
    ]


def run() -> list[Row]:
    """Start what is needed, and measure."""
    with (
        storage_set(Backend.AWS, **KEEPS_CHECKSUMS) as started,
        storage_set(Backend.AWS) as cautious,
        storage_set(Backend.EMBEDDED) as embedded,
    ):
        small, large = random_file(started.folder, SMALL), random_file(started.folder, LARGE)
        remembered = memories(started, embedded, small, large)
        return [*speeds(started, cautious, embedded, large), *remembered]
