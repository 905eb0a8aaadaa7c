"""Processes that are killed, stopped, started wrongly: nothing acknowledged is lost, each failure says what to do."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pytest

from mayfly_client import AsyncClient, DeadlineError, UnavailableError
from tests.conftest import Stack, Unwatched, running
from tests.waiting import PATIENCE
from tools.stack.lifecycle import bring_up
from tools.stack.programs import Backend

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

T = TypeVar("T")
VOICES = Path(__file__).resolve().parents[2] / "voices"


@pytest.fixture
def own_stack(tmp_path: Path) -> Iterator[Stack]:
    """A set that a test may break."""
    with running(tmp_path, Backend.EMBEDDED) as stack:
        yield stack


def serve(module: str, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Start a service that is expected to end by itself."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAYFLY_")} | settings
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def kill(pid: int) -> None:
    """Kill a process, and wait until it is gone: until then it would still be found alive, and not be started anew."""
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


async def once_connected(call: Callable[[], Awaitable[T]]) -> T:
    """The answer, as soon as the connection to the restarted process is found again."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                return await call()
            except UnavailableError:
                await asyncio.sleep(0.1)


@contextmanager
def taken_port() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


def free_storage(tmp_path: Path) -> dict[str, str]:
    """Settings of a storage that is in nobody's way."""
    listen = {f"MAYFLY_STORAGE_{name}": "127.0.0.1:0" for name in ("LISTEN", "RETENTION_LISTEN", "LINKS_LISTEN")}
    return listen | {"MAYFLY_STORAGE_DATA_DIR": str(tmp_path / "data")}


async def test_killed_processes_lose_nothing_that_was_acknowledged(own_stack: Stack) -> None:
    async with own_stack.client() as client:
        speech = await client.speak("I was acknowledged.")
    assert speech.stored is not None
    before = speech.stored

    for pid in own_stack.pids.values():
        kill(pid)
    bring_up(own_stack.layout, Backend.EMBEDDED, Unwatched())

    async with own_stack.client() as client:
        assert (await once_connected(lambda: client.get(before.name))).size_bytes == before.size_bytes
        assert len(await client.download(before.name)) == before.size_bytes


async def test_without_storage_speech_fails_clearly_and_comes_back_with_it(own_stack: Stack) -> None:
    kill(own_stack.pids["storage"])
    async with own_stack.client() as client:
        with pytest.raises(UnavailableError) as caught:
            await client.speak("Nobody keeps me.")
    assert caught.value.reason == "STORAGE_UNAVAILABLE"

    bring_up(own_stack.layout, Backend.EMBEDDED, Unwatched())
    async with own_stack.client() as client:
        assert (await once_connected(lambda: client.speak("I am kept."))).stored is not None


@pytest.mark.parametrize("name", ["storage", "synth", "sweeper"])
def test_sigterm_ends_a_service_in_order(own_stack: Stack, name: str) -> None:
    pid = own_stack.pids[name]
    os.kill(pid, signal.SIGTERM)

    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0


PORTS = [
    ("mayfly_storage", (), "MAYFLY_STORAGE_LISTEN"),
    ("mayfly_synth", (), "MAYFLY_SYNTH_LISTEN"),
    ("mayfly_sweeper", ("serve",), "MAYFLY_SWEEPER_LISTEN"),
]


@pytest.mark.parametrize(("module", "arguments", "setting"), PORTS)
def test_a_port_in_use_is_told_with_its_address(
    module: str, arguments: tuple[str, ...], setting: str, tmp_path: Path
) -> None:
    with taken_port() as address:
        settings = {**free_storage(tmp_path), "MAYFLY_SYNTH_VOICES_DIR": str(VOICES), setting: address}
        done = serve(module, *arguments, **settings)

    assert done.returncode == 2
    assert address in done.stderr
    assert "Traceback" not in done.stderr


def test_wrong_settings_are_told_all_at_once(tmp_path: Path) -> None:
    wrong = {
        "MAYFLY_STORAGE_BACKEND": "floppy",
        "MAYFLY_STORAGE_UPLOAD_LIFETIME": "soon",
        "MAYFLY_STORAGE_KEEP_TEXT": "perhaps",
    }

    done = serve("mayfly_storage", **{**free_storage(tmp_path), **wrong})

    assert done.returncode == 2
    assert [name for name, value in wrong.items() if name not in done.stderr or value not in done.stderr] == []
    assert "Traceback" not in done.stderr


def test_a_folder_that_cannot_be_one_is_told(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")

    done = serve("mayfly_storage", **free_storage(tmp_path))

    assert done.returncode == 2
    assert str(tmp_path / "data") in done.stderr
    assert "Traceback" not in done.stderr


def test_a_second_storage_on_one_folder_is_refused(embedded: Stack, tmp_path: Path) -> None:
    settings = free_storage(tmp_path) | {"MAYFLY_STORAGE_DATA_DIR": str(embedded.layout.data / "storage")}

    done = serve("mayfly_storage", **settings)

    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_plaintext_beyond_loopback_is_refused(tmp_path: Path) -> None:
    done = serve("mayfly_storage", **{**free_storage(tmp_path), "MAYFLY_STORAGE_LISTEN": "0.0.0.0:0"})

    assert done.returncode == 2
    assert "MAYFLY_STORAGE" in done.stderr or "loopback" in done.stderr
    assert "Traceback" not in done.stderr


VOICE_FOLDERS = {
    "missing": (lambda _: None, "voices"),
    "empty": (lambda folder: folder.mkdir(), "voices"),
    "not a voice": (
        lambda folder: (folder.mkdir(), (folder / "x.onnx").write_text("x"), (folder / "x.onnx.json").write_text("{}")),
        "x.onnx",
    ),
}


@pytest.mark.parametrize("case", VOICE_FOLDERS)
def test_a_voice_folder_without_voices_is_told(case: str, tmp_path: Path) -> None:
    make, told = VOICE_FOLDERS[case]
    make(tmp_path / "voices")

    done = serve("mayfly_synth", MAYFLY_SYNTH_LISTEN="127.0.0.1:0", MAYFLY_SYNTH_VOICES_DIR=str(tmp_path / "voices"))

    assert done.returncode == 2
    assert told in done.stderr
    assert "Traceback" not in done.stderr


async def test_guests_leave_no_trace_in_logs(own_stack: Stack) -> None:
    async with own_stack.client() as client:
        speech = await client.speak("canary-text-5150", guest_address="198.51.100.77")
        assert speech.stored is not None
        await client.download(speech.stored.name)
        await client.delete(speech.stored.name)
    signature = speech.stored.url.rpartition("sig=")[2]

    logs = own_stack.logs()
    data = b"".join(path.read_bytes() for path in own_stack.layout.data.rglob("*") if path.is_file())
    assert speech.stored.name in logs
    assert [trace for trace in ("canary-text", "198.51.100.77", signature) if trace in logs] == []
    assert [trace for trace in (b"canary-text", b"198.51.100.77") if trace in data] == []


def test_a_client_that_knows_nobody_says_what_to_start(tmp_path: Path) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound, and nobody listens
        closed = f"127.0.0.1:{nobody.getsockname()[1]}"
        done = serve("mayfly_client", "info", MAYFLY_STORAGE_TARGET=closed)

    assert done.returncode == 1
    assert closed in done.stderr
    assert "Traceback" not in done.stderr


async def test_a_client_waits_no_longer_than_its_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        target = f"127.0.0.1:{silent.getsockname()[1]}"
        async with AsyncClient(storage=target, timeout=0.5) as client:
            with pytest.raises(DeadlineError):
                await client.storage_info()
