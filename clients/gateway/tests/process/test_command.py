"""The command as an operator runs it, in a process of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx
import pytest

from mayfly_client.testing import FakeMayfly
from mayfly_runtime.testing import until_it_serves

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PATIENCE = 60.0


def environment(**settings: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MAYFLY_")}  # noqa: TID251 - PATH
    return {**kept, **{f"MAYFLY_GATEWAY_{name}": value for name, value in settings.items()}}


def settings_of(fake: FakeMayfly) -> dict[str, str]:
    targets = {f"{name.upper()}_TARGET": getattr(fake, name) for name in ("storage", "synth", "sweeper")}
    return {"LISTEN": "127.0.0.1:0", **targets}


@contextmanager
def running(settings: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "mayfly_gateway"], env=environment(**settings), stderr=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=PATIENCE)


@pytest.fixture
def fake() -> Iterator[FakeMayfly]:
    with FakeMayfly() as running_fake:
        yield running_fake


def test_it_serves_until_it_is_told_to_stop_and_ends_with_0(fake: FakeMayfly) -> None:
    with running(settings_of(fake)) as process:
        address, said = until_it_serves(process)
        spoken = httpx.post(f"http://{address}/public/tts/sync", json={"text": "Hello."}, timeout=60)
        probe = subprocess.run([sys.executable, "-m", "mayfly_gateway.probe", address], check=False, timeout=PATIENCE)
        process.send_signal(signal.SIGTERM)
        _, rest = process.communicate(timeout=PATIENCE)

    assert (spoken.status_code, probe.returncode, process.returncode) == (200, 0, 0)
    assert "secret.made_up" in said
    assert "Hello." not in said + rest


def test_a_request_that_runs_is_answered_before_it_ends(fake: FakeMayfly) -> None:
    with running(settings_of(fake)) as process:
        address, _ = until_it_serves(process)
        with httpx.stream("POST", f"http://{address}/v1/audio/speech", json=_long_order(), timeout=60) as answer:
            process.send_signal(signal.SIGTERM)
            whole = b"".join(answer.iter_bytes())
        process.communicate(timeout=PATIENCE)

    assert whole.startswith(b"RIFF")
    assert process.returncode == 0


def _long_order() -> dict[str, str]:
    return {"model": "tts-1", "voice": "alloy", "input": "Hello there. " * 200, "response_format": "wav"}


def test_every_wrong_setting_is_named_at_once_and_no_secret_shown() -> None:
    wrong = {"SECRET": "too-short-to-be-one", "TRUSTED_PROXIES": "many", "LISEN": "127.0.0.1:1"}
    done = subprocess.run(
        [sys.executable, "-m", "mayfly_gateway"],
        env=environment(**wrong),
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )

    assert done.returncode == 2
    assert "MAYFLY_GATEWAY_TRUSTED_PROXIES" in done.stderr
    assert "did you mean MAYFLY_GATEWAY_LISTEN" in done.stderr
    assert "too-short-to-be-one" not in done.stderr


def test_a_port_that_somebody_has_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = subprocess.run(
            [sys.executable, "-m", "mayfly_gateway"],
            env=environment(LISTEN=address),
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )

    assert done.returncode == 2
    assert f"The address {address} is in use" in done.stderr


def test_a_probe_of_nobody_fails_and_says_so() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound, and nobody listens
        done = subprocess.run(
            [sys.executable, "-m", "mayfly_gateway.probe", f"127.0.0.1:{nobody.getsockname()[1]}"],
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )

    assert done.returncode == 1
    assert "does not answer" in done.stderr
