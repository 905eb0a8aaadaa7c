"""The process of the tests is heard to its end, however much it says; and a test that fails shows the last of it."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

import grpc.aio
import pytest
from mayfly.storage.v1 import storage_service_pb2 as pb

from mayfly_storage.testing.process import storage_process
from mayfly_storage.testing.said import heard

if TYPE_CHECKING:
    from pathlib import Path

LINES = 30_000
CHATTY = f"""
import sys
for number in range({LINES}):
    print("line", number, "x" * 100, file=sys.stderr)
print("served", file=sys.stdout, flush=True)
sys.stdin.read()
sys.exit("and that was all")
"""


async def test_a_process_that_says_more_than_a_pipe_holds_goes_on() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        CHATTY,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    async with heard(process) as said:
        assert await asyncio.wait_for(process.stdout.readline(), timeout=60) == b"served\n"
        assert f"line {LINES - 1} " in await said.until(f"line {LINES - 1} ")
        process.stdin.close()
        last = await asyncio.wait_for(said.to_the_end(), timeout=60)

    assert last.endswith("and that was all\n")
    assert "line 0 " not in last  # not all of it is kept


async def test_a_mark_that_never_comes_is_told_with_what_came_instead() -> None:
    command = (sys.executable, "-c", "import sys; sys.exit('a wrong setting')")
    process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE)

    with pytest.raises(AssertionError, match="it ended: a wrong setting"):
        async with heard(process) as said:
            await said.until("serving")


async def test_the_end_is_when_the_process_has_ended_and_not_when_its_pipe_has() -> None:
    command = (sys.executable, "-c", "import os, sys; os.close(2); print('closed', flush=True); sys.stdin.read()")
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=pipe)
    assert process.stdin is not None
    assert process.stdout is not None
    async with heard(process) as said:
        assert await process.stdout.readline() == b"closed\n"
        process.stdin.close()

        await said.to_the_end()
        assert process.returncode == 0


async def test_a_test_that_fails_shows_what_the_process_said_last(tmp_path: Path) -> None:
    async def fail() -> None:
        async with storage_process(tmp_path / "data", {}) as (process, callers):
            process.kill()
            await callers.storage.GetStorageInfo(pb.GetStorageInfoRequest())

    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await fail()

    [note] = failed.value.__notes__
    assert note.startswith("storage (exit status -9) said last:\n")
    assert '"storage.serving"' in note
