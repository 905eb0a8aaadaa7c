"""Uploads wait in temporary files; when there is no room for them, that is nobody's fault but ours, and passes."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import logging

    import httpx

LARGE = bytes(2 * 1024 * 1024)
"""More than is kept in memory while it comes."""


def on_a_full_disk(**_: Any) -> Any:
    return Path("/dev/full").open("w+b", buffering=0)


@pytest.mark.parametrize(
    ("maker", "body"), [("TemporaryFile", LARGE), ("NamedTemporaryFile", b"RIFF")], ids=["as it comes", "its copy"]
)
@pytest.mark.parametrize("door", ["/process", "/v1/audio/transcriptions"])
async def test_an_upload_without_room_is_told_to_come_again(
    browser: httpx.AsyncClient,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    door: str,
    maker: str,
    body: bytes,
) -> None:
    monkeypatch.setattr(tempfile, maker, on_a_full_disk)

    answer = await browser.post(door, data={"model": "any"}, files={"file": ("a.wav", body, "audio/wav")})

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert "no room" in answer.json()["error"]["message"]
    assert [record.kind for record in told_of(caplog)] == ["OSError"]


async def test_a_folder_that_is_not_there_is_no_fault_of_the_sender(
    browser: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/dev/null/nowhere")

    answer = await browser.post("/process", files={"file": ("a.wav", LARGE, "audio/wav")})

    assert (answer.status_code, answer.json()["error"]["reason"]) == (500, "INTERNAL")


def told_of(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.msg == "request.failed"]
