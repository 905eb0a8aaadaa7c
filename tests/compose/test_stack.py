"""What a person sees who types `docker compose up`: speech, a link that plays, and proof that it is gone."""

from __future__ import annotations

import json
import time
import wave
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Stack

pytestmark = [pytest.mark.compose, pytest.mark.timeout(1800)]

GONE = (403, 404, 410)
ROOT = Path(__file__).resolve().parents[2]


def until(is_so: Callable[[], bool], *, within: float) -> bool:
    """Whether something becomes so; asks five times a second."""
    end = time.monotonic() + within
    while not is_so():
        if time.monotonic() > end:
            return False
        time.sleep(0.2)
    return True


def sweep(stack: Stack, *options: str) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(stack.compose("run", "--rm", "--no-TTY", "sweep", "--json", *options))
    return report


def test_every_server_is_healthy(stack: Stack) -> None:
    states = {name: one["State"].get("Health", {}).get("Status") for name, one in stack.containers().items()}
    servers = (stack.service("storage"), "synth", "sweeper", "gateway")
    expected = dict.fromkeys(servers, "healthy") | {"pod": None}

    assert states == expected | ({"moto": "healthy"} if stack.profile == "aws" else {})


def test_speech_is_downloaded_through_its_link(stack: Stack, tmp_path: Path) -> None:
    done = stack.mayfly("say", "Hello from a container.", "--output", str(tmp_path / "hello.wav"))

    assert done.returncode == 0, done.stderr
    with wave.open(str(tmp_path / "hello.wav")) as audio:
        assert audio.getnframes() > 0.5 * audio.getframerate()


def test_a_link_plays_for_whoever_has_it(stack: Stack) -> None:
    said = stack.say("Everybody may hear this.")

    answer = httpx.get(said["url"], timeout=60)

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "audio/wav"
    with wave.open(BytesIO(answer.content)) as audio:
        assert audio.getnframes() > 0


def test_a_link_plays_in_parts(stack: Stack) -> None:
    said = stack.say("Players ask for parts.")

    answer = httpx.get(said["url"], headers={"range": "bytes=0-3"}, timeout=60)

    assert (answer.status_code, answer.content) == (206, b"RIFF")


def test_the_page_is_served_and_speaks(stack: Stack) -> None:
    with httpx.Client(base_url=f"http://127.0.0.1:{stack.ports['GATEWAY']}", timeout=30) as browser:
        page = browser.get("/")
        told = browser.post("/api/page/speech", json={"text": "Hello from a page."}).text.splitlines()
        audio = json.loads(told[-1])["audio"]
        played = browser.get(audio["link"], follow_redirects=True)

    assert page.headers["content-type"].startswith("text/html")
    assert played.content.startswith(b"RIFF")


def test_an_app_needs_a_token_and_operators_theirs(stack: Stack) -> None:
    tokens = {name: (ROOT / f"deploy/compose/gateway_{name}").read_text().strip() for name in ("callers", "operators")}
    app = {"Authorization": f"Bearer {tokens['callers'].partition('=')[2]}"}
    operator = {"Authorization": f"Bearer {tokens['operators']}"}

    with httpx.Client(base_url=f"http://127.0.0.1:{stack.ports['GATEWAY']}", timeout=30) as http:
        assert http.get("/v1/models").status_code == 401
        assert http.get("/v1/models", headers=app).status_code == 200
        assert http.get("/api/page/operators", headers=app).status_code == 401
        assert http.get("/api/page/operators", headers=operator).json()["info"]["collections"]


def test_mp3_needs_the_ffmpeg_of_the_image(stack: Stack) -> None:
    said = stack.say("In another format.", "--format", "mp3")

    assert httpx.get(said["url"], timeout=60).headers["content-type"] == "audio/mpeg"


def test_callers_without_a_token_are_refused(stack: Stack) -> None:
    done = stack.mayfly("say", "Let me in.", token=False)

    assert done.returncode != 0
    assert "MAYFLY_TOKEN" in done.stderr


def test_a_sweep_removes_what_has_expired_and_nothing_else(stack: Stack) -> None:
    kept, short = stack.say("This stays."), stack.say("This goes.", "--ttl", "3s")
    # The set has no clock to turn, so that this test waits for the real one.
    expires = datetime.fromisoformat(short["expire_time"])
    assert until(lambda: datetime.now(UTC) > expires, within=10)

    refused = httpx.get(short["url"], timeout=60)
    planned, swept, again = sweep(stack, "--dry-run"), sweep(stack), sweep(stack)

    if stack.profile == "embedded":  # moto does not check the expiry of a link
        assert refused.status_code in GONE
    assert deleted(planned) == deleted(swept) == 1
    assert deleted(again) == 0
    assert httpx.get(short["url"], timeout=60).status_code in GONE
    assert httpx.get(kept["url"], timeout=60).status_code == 200


def deleted(report: dict[str, Any]) -> int:
    return sum(line["deleted"] for line in report["report"]["lines"])


def test_what_was_said_outlives_a_restart(stack: Stack) -> None:
    said = stack.say("Remember this.")

    stack.compose("restart", "--timeout", "30", stack.service("storage"))
    stack.compose("up", "--wait")

    assert httpx.get(said["url"], timeout=60).status_code == 200


def test_servers_end_by_themselves_when_they_are_told_to(stack: Stack) -> None:
    servers = (stack.service("storage"), "synth", "sweeper", "gateway")

    stack.compose("stop", *servers)
    states = json.loads(stack.compose("ps", "--all", "--format", "json").replace("}\n{", "},\n{").join("[]"))
    stack.compose("start", *servers)

    assert {one["Service"]: one["ExitCode"] for one in states if one["Service"] in servers} == dict.fromkeys(servers, 0)
