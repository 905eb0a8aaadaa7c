"""The real process, as an operator starts it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from mayfly.synth.v1 import synth_service_pb2 as pb
from mayfly.synth.v1.synth_service_pb2_grpc import SynthServiceStub

from mayfly_client.testing import FakeMayfly
from mayfly_runtime.testing import until_it_serves
from mayfly_synth.cores import processors

if TYPE_CHECKING:
    from collections.abc import Iterator


def command(**settings: object) -> dict[str, object]:
    told = {f"MAYFLY_SYNTH_{name.upper()}": str(value) for name, value in settings.items()}
    inherited = os.environ  # noqa: TID251 - a process is started with one
    clean = {name: value for name, value in inherited.items() if not name.startswith("MAYFLY_")}
    return {"args": [sys.executable, "-m", "mayfly_synth"], "env": {**clean, **told}}


def why_not(**settings: object) -> str:
    """What a process says that cannot start."""
    ended = subprocess.run(**command(**settings), capture_output=True, text=True, timeout=60, check=False)  # type: ignore[call-overload]
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr
    return str(ended.stderr)


PATIENCE = 60.0


@pytest.fixture
def mayfly() -> Iterator[FakeMayfly]:
    with FakeMayfly() as fake:
        yield fake


def test_the_process_speaks_and_stops_when_it_is_told_to(voices_dir: Path, mayfly: FakeMayfly) -> None:
    started = command(listen="127.0.0.1:0", voices_dir=voices_dir, storage_target=mayfly.storage, drain="2s")
    process = subprocess.Popen(**started, stderr=subprocess.PIPE, text=True)  # type: ignore[call-overload]
    try:
        address, said = until_it_serves(process)
        with grpc.insecure_channel(address) as channel:
            health: Any = health_pb2_grpc.HealthStub(channel)  # its methods are set when it is made
            asked = health_pb2.HealthCheckRequest(service="mayfly.synth.v1.SynthService")
            serving = health.Check(asked, timeout=30).status
            request = pb.SynthesizeRequest(request_id=str(uuid4()), text="Canary sentence, hello.")
            answer = SynthServiceStub(channel).Synthesize(request, timeout=PATIENCE)
        process.send_signal(signal.SIGTERM)
        said += process.communicate(timeout=PATIENCE)[1]
    finally:
        process.kill()
        process.wait()

    assert serving == health_pb2.HealthCheckResponse.SERVING
    assert answer.audio.name.startswith("audio/")
    assert process.returncode == 0
    assert "Traceback" not in said
    assert "Canary" not in said
    assert answer.audio.url not in said


def bound_threads(pid: int) -> int:
    """Threads of a process that may run on one processor only."""
    told = []
    for path in Path(f"/proc/{pid}/task").glob("*/status"):
        with suppress(FileNotFoundError, ProcessLookupError):  # one that ends while one looks
            told.append(path.read_text())
    return sum(re.search(r"^Cpus_allowed_list:\t\d+$", status, re.MULTILINE) is not None for status in told)


@pytest.mark.skipif(len(processors()) < 2, reason="there is one processor")
@pytest.mark.parametrize(("pin_workers", "bound"), [(True, 1), (False, 0)])
def test_a_worker_that_has_spoken_keeps_to_its_processor(
    voices_dir: Path,
    mayfly: FakeMayfly,
    pin_workers: bool,  # noqa: FBT001 - a table
    bound: int,
) -> None:
    workers = {"workers": len(processors()), "lone_threads": 1, "pin_workers": pin_workers}
    started = command(listen="127.0.0.1:0", voices_dir=voices_dir, storage_target=mayfly.storage, **workers)
    process = subprocess.Popen(**started, stderr=subprocess.PIPE, text=True)  # type: ignore[call-overload]
    try:
        address, _ = until_it_serves(process)
        before = bound_threads(process.pid)
        with grpc.insecure_channel(address) as channel:
            request = pb.SynthesizeRequest(request_id=str(uuid4()), text="One.")
            SynthServiceStub(channel).Synthesize(request, timeout=PATIENCE)
        after = bound_threads(process.pid)
    finally:
        process.kill()
        process.communicate(timeout=PATIENCE)

    assert (before, after) == (0, bound)


def test_the_engine_reports_to_nobody(tmp_path: Path) -> None:
    """Before it sends anything, ONNX Runtime keeps an identifier and a queue in files: without them nothing is sent."""
    loud = ("ORT_", "CI", "GITHUB_", "BUILD_", "MAYFLY_")
    inherited = os.environ  # noqa: TID251 - a process is started with one
    places = {name: str(tmp_path) for name in ("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "TMPDIR")}
    clean = {name: value for name, value in inherited.items() if not name.startswith(loud)} | places

    subprocess.run([sys.executable, "-c", "import mayfly_synth.engines.piper"], env=clean, timeout=60, check=True)

    assert list(tmp_path.rglob("*")) == []


def test_a_taken_port_is_told(voices_dir: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"

        assert address in why_not(listen=address, voices_dir=voices_dir)


def test_a_missing_folder_of_voices_is_told(tmp_path: Path) -> None:
    said = why_not(voices_dir=tmp_path / "nothing", listen="127.0.0.1:0")

    assert "does not exist" in said
    assert "tools/fetch_voice.py" in said


def test_a_file_that_is_no_voice_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.onnx").write_text("not a voice")
    (tmp_path / "a.onnx.json").write_text("{}")

    assert "a.onnx.json is not the description of a Piper voice" in why_not(voices_dir=tmp_path, listen="127.0.0.1:0")


def test_all_wrong_settings_are_told_at_once(voices_dir: Path) -> None:
    said = why_not(voices_dir=voices_dir, workers="many", drain="soon", max_characters="-1")

    assert all(name in said for name in ("MAYFLY_SYNTH_WORKERS", "MAYFLY_SYNTH_DRAIN", "MAYFLY_SYNTH_MAX_CHARACTERS"))


def test_an_ffmpeg_that_is_none_is_told(voices_dir: Path, tmp_path: Path) -> None:
    assert "MAYFLY_SYNTH_FFMPEG" in why_not(voices_dir=voices_dir, ffmpeg=tmp_path / "nothing", listen="127.0.0.1:0")


def test_an_address_that_others_can_reach_needs_callers(voices_dir: Path) -> None:
    assert "0.0.0.0" in why_not(voices_dir=voices_dir, listen="0.0.0.0:0")  # noqa: S104 - it must not be served


def test_help_names_every_setting() -> None:
    told = subprocess.run(
        [sys.executable, "-m", "mayfly_synth", "--help"], capture_output=True, text=True, timeout=60, check=True
    )

    assert "MAYFLY_SYNTH_VOICES_DIR (voices)" in told.stdout
    assert "MAYFLY_SYNTH_STORAGE_TOKEN (not set)" in told.stdout
