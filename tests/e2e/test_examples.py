"""Programs that users copy, over the real set."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from tests.waiting import PATIENCE

if TYPE_CHECKING:
    from tests.conftest import Stack

EXAMPLES = Path(__file__).parents[2] / "clients/python/client/examples"


async def test_one_program_speaks_into_s3_and_into_files(stack: Stack) -> None:
    targets = {f"MAYFLY_{door.upper()}_TARGET": stack.address(door) for door in ("storage", "synth", "sweeper")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, EXAMPLES / "tts_s3_example.py", "Hello there. And goodbye.", "ada"),
        env={**os.environ, **targets},
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await asyncio.wait_for(process.communicate(), timeout=PATIENCE)
    where, *lines = out.decode().splitlines()
    urls = [line.strip() for line in lines if line.startswith("  http")]

    async with httpx.AsyncClient(timeout=PATIENCE) as http:
        answers = [await http.get(url) for url in urls]

    assert process.returncode == 0
    assert where.startswith("kept in s3://") == ("moto" in stack.pids)
    assert re.findall(r"segment_\d{3}", out.decode())[0] == "segment_000"
    assert [(answer.status_code, answer.content[:4]) for answer in answers] == [(200, b"RIFF")] * 2
