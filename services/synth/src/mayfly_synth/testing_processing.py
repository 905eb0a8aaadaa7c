"""For tests of processing: sounds, containers that ffmpeg makes of them, and the messages that send them."""

from __future__ import annotations

import hashlib
import io
import math
import struct
import subprocess
import wave
from array import array
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from mayfly.synth.v1 import synth_service_pb2 as pb

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

RATE: Final = 22_050
_CHUNK: Final = 65_536
_SECONDS: Final = 60


def tone(seconds: float, *, amplitude: int = 9_000) -> bytes:
    """A tone of 441 Hz: samples of 16 bits, one channel."""
    period = [round(amplitude * math.sin(2 * math.pi * at / 50)) for at in range(50)]
    length = round(seconds * RATE)
    return array("h", (period * (length // 50 + 1))[:length]).tobytes()


def silence(seconds: float) -> bytes:
    """No sound, as long."""
    return bytes(2 * round(seconds * RATE))


def wav(pcm: bytes, *, channels: int = 1) -> bytes:
    """A WAV file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(channels)
        writer.setsampwidth(2)
        writer.setframerate(RATE)
        writer.writeframes(pcm)
    return file.getvalue()


SOUND: Final = wav(silence(1) + tone(2) + silence(1.5))
"""4.5 s, of which 2 s are heard."""


def programs() -> list[int]:
    """Pids of what runs of ffmpeg's among this process's children, dead ones that nobody asked for included.

    Other tests have children of their own: servers, a browser.
    """
    return [
        pid for pid in children_of() if any(word.startswith("ffmpeg") for word in _words(Path(f"/proc/{pid}/comm")))
    ]


def children_of(pid: int | str = "self") -> list[int]:
    """Pids of a process's children. Its threads may end while one looks."""
    tasks = list(Path(f"/proc/{pid}/task").iterdir())
    return [int(child) for task in tasks for child in _words(task / "children")]


def runs(pid: int) -> bool:
    """Whether a process runs; one that is dead and not yet collected does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):  # the second if it goes between opening and reading
        return False


def _words(file: Path) -> list[str]:
    try:
        return file.read_text().split()
    except (FileNotFoundError, ProcessLookupError):  # it has just ended
        return []


def wave_of(data: bytes) -> tuple[int, int, float]:
    """Channels, sample rate and seconds of a WAV file."""
    with wave.open(io.BytesIO(data)) as file:
        return file.getnchannels(), file.getframerate(), file.getnframes() / file.getframerate()


def converted(program: Path, data: bytes, *arguments: str, folder: Path) -> bytes:
    """What ffmpeg makes of a WAV file.

    Args:
        program: ffmpeg.
        data: The WAV file.
        arguments: Options of the output, e.g. `-c:a`, `aac`, `-f`, `ipod`.
        folder: For the output: some containers are written by going back.
    """
    target = folder / f"{uuid4()}"
    command: Sequence[str] = [str(program), "-v", "error", "-f", "wav", "-i", "pipe:0", *arguments, str(target)]
    subprocess.run(command, input=data, check=True, timeout=_SECONDS)
    return target.read_bytes()


def box(kind: bytes, body: bytes) -> bytes:
    """A box of MP4."""
    return struct.pack(">I4s", len(body) + 8, kind) + body


async def pieces(data: bytes, *, size: int = _CHUNK) -> AsyncIterator[bytes]:
    """The bytes, a piece at a time."""
    for start in range(0, len(data), size):
        yield data[start : start + size]


def config(**options: Any) -> pb.ProcessAudioRequest:
    """The first message of a call."""
    return pb.ProcessAudioRequest(config=pb.ProcessConfig(**{"request_id": str(uuid4()), **options}))


def footer(data: bytes) -> pb.ProcessAudioRequest:
    """The last message of a call."""
    return pb.ProcessAudioRequest(footer=pb.ProcessFooter(size_bytes=len(data), sha256=hashlib.sha256(data).digest()))


def messages(data: bytes, **options: Any) -> Iterator[pb.ProcessAudioRequest]:
    """All messages of a call that sends bytes."""
    yield config(**options)
    for start in range(0, len(data), _CHUNK):
        yield pb.ProcessAudioRequest(chunk=data[start : start + _CHUNK])
    yield footer(data)
