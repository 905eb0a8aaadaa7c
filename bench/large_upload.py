"""200 MB in parts, beside boto3's upload_file of the same file to the same emulator; and memory.

Both put parts side by side: the client four of 16 MiB, boto3's TransferManager ten of 8 MiB. What storage does besides
is to read all of it back at the commit, since the store keeps no checksum of the whole: a second way over the same
line, which boto3 spares itself, as it verifies nothing. For comparison, the same without the commit; and as a stream of
messages, which storage puts in parts itself. Emulator, storage and client share the cores.

The emulator reads a whole object for each range of it that it is asked for, so that reading back takes many times as
long as from a store: 0.6 s for 200 MB from Ceph's radosgw on the same machine.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from statistics import median

from bench.memory import peak_of
from bench.report import Row
from bench.storage_set import StorageSet, storage_set
from bench.upload import KEEPS_CHECKSUMS, MEGABYTE, random_file, upload
from tools.stack.programs import Backend

ROUNDS = 3
SMALL, LARGE = 60, 200
"""Megabytes; both go in parts."""
COLLECTION = f"""
[temp-audio]
keys = ["temp-audio/{{date}}/{{audio_id}}.{{ext}}"]
lifetime_seconds = 86_400
url_lifetime_seconds = 86_400
max_size_bytes = {2 * LARGE * MEGABYTE}
content_types = ["audio/wav"]
"""


def speeds(started: StorageSet, path: Path) -> list[Row]:
    """How fast, in turn."""
    ways = {
        "boto3": ("boto3-parts", started.endpoint),
        "put": ("put", started.address),
        "whole": ("grant", started.address),
        "stream": ("stream", started.address),
    }
    rounds = [
        {name: LARGE / upload(kind, where, path)[0] for name, (kind, where) in ways.items()} for _ in range(ROUNDS)
    ]
    limit = median(each["boto3"] for each in rounds)
    names = {
        "put": f"{LARGE} MB in parts, without the commit",
        "whole": f"{LARGE} MB in parts, read back by the commit",
        "stream": f"{LARGE} MB by UploadAudio, in parts by storage, read back",
    }
    return [
        Row(
            name=text,
            unit="MB/s",
            measured=limit * median(each[way] / each["boto3"] for each in rounds),
            limit=limit,
            limit_name="boto3's upload_file",
            goal=0.9 if way == "put" else None,
            higher_is_better=True,
        )
        for way, text in names.items()
    ]


def memories(started: StorageSet, small: Path, large: Path) -> list[Row]:
    """What is in memory after the smaller file and after the larger one."""
    most: dict[str, list[float]] = {"client": [], "commit": [], "stream": []}
    for path in (small, large):
        most["client"].append(upload("grant", started.address, path)[1])
        most["commit"].append(peak_of(started.service.pid))
    for path in (small, large):
        upload("stream", started.address, path)
        most["stream"].append(peak_of(started.service.pid))
    names = {
        "client": f"client's memory, {LARGE} MB in parts",
        "commit": f"storage's memory, commits of {LARGE} MB in parts",
        "stream": f"storage's memory, UploadAudio of {LARGE} MB",
    }
    return [
        Row(
            name=names[each],
            unit="MiB",
            measured=after,
            limit=before,
            limit_name=f"the same after {SMALL} MB",
            goal=1.1,
            higher_is_better=False,
        )
        for each, (before, after) in most.items()
    ]


def settings(folder: Path) -> dict[str, str]:
    """Of a storage that takes such audio."""
    collections = folder / "collections.toml"
    collections.write_text(COLLECTION)
    return {**KEEPS_CHECKSUMS, "MAYFLY_STORAGE_COLLECTIONS_FILE": str(collections)}


def run() -> list[Row]:
    """Start what is needed, and measure."""
    with tempfile.TemporaryDirectory() as folder, storage_set(Backend.AWS, **settings(Path(folder))) as started:
        small, large = random_file(started.folder, SMALL), random_file(started.folder, LARGE)
        remembered = memories(started, small, large)
        return [*speeds(started, large), *remembered]
