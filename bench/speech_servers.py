"""Who speaks, in processes of their own: synth, Piper's own HTTP server, and wyoming-piper; all with the same voice.

Each is started as its own documents say, with the settings that it comes with. synth remembers no sentence here: the
texts are few, and it would not speak them again.
"""

from __future__ import annotations

import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.peers import environment
from bench.speech_callers import Caller, http_piper, mayfly, wyoming
from bench.storage_set import running
from tools.stack.layout import HOST, Layout, Ports
from tools.stack.programs import synth

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_PATIENCE = 120.0


@dataclass(frozen=True, slots=True)
class Server:
    """One that runs."""

    name: str
    pid: int
    address: str
    say: Caller
    """Has it speak a text."""


@contextmanager
def synth_server(voice: Path, **settings: str) -> Iterator[Server]:
    """Start synth with one voice.

    Args:
        voice: The model.
        settings: Of synth, without their prefix.
    """
    with tempfile.TemporaryDirectory() as folder:
        only = Path(folder, "voices")
        only.mkdir()
        for path in (voice, voice.with_name(f"{voice.name}.json")):
            (only / path.name).symlink_to(path)
        layout = Layout(ports=Ports.free(), data=Path(folder), run=Path(folder))
        program = synth(layout)
        chosen = {"RENDERED_CACHE_BYTES": "0", "VOICES_DIR": str(only), "LOG_LEVEL": "WARNING", **settings}
        program.settings.update({f"MAYFLY_SYNTH_{name}": value for name, value in chosen.items()})
        with running(program, layout) as process:
            address = layout.address("synth")
            yield Server("Mayfly", process.pid, address, mayfly(address))


@contextmanager
def http_server(voice: Path) -> Iterator[Server]:
    """Piper's own HTTP server."""
    port = Ports.free().synth
    command = [environment(), "-m", "piper.http_server", "-m", str(voice), "--host", HOST, "--port", str(port)]
    url = f"http://{HOST}:{port}/synthesize"

    def is_ready() -> bool:
        with suppress(urllib.error.URLError, ConnectionError):
            return bool(urllib.request.urlopen(f"http://{HOST}:{port}/voices", timeout=5).status)
        return False

    with _process(command, is_ready) as pid:
        yield Server("piper.http_server", pid, url, http_piper(url))


@contextmanager
def wyoming_server(voice: Path) -> Iterator[Server]:
    """wyoming-piper. It looks for its voices in a folder, and is told not to fetch any."""
    port = Ports.free().synth
    uri = f"tcp://{HOST}:{port}"
    folder = ["--data-dir", str(voice.parent), "--download-dir", str(voice.parent)]
    command = [environment(), "-m", "wyoming_piper", "--voice", voice.stem, "--uri", uri, *folder]

    def is_ready() -> bool:
        with suppress(OSError), socket.create_connection((HOST, port), timeout=1):
            return True
        return False

    with _process(command, is_ready) as pid:
        yield Server("wyoming-piper", pid, uri, wyoming(HOST, port))


@contextmanager
def _process(command: Sequence[str], is_ready: Callable[[], bool]) -> Iterator[int]:
    """A program that is ready; stopped at the end."""
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, stdout=said, stderr=said)
        try:
            end = time.monotonic() + _PATIENCE
            while not is_ready():
                if process.poll() is not None or time.monotonic() > end:
                    said.seek(0)
                    raise RuntimeError(said.read()[-2_000:].decode(errors="replace"))
                time.sleep(0.2)
            yield process.pid
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(10)
            process.kill()
            process.wait(10)
