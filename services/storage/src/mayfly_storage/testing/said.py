"""What a process says on standard error, heard for as long as it runs."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_KEPT: Final = 256 * 1024
"""Bytes of its end."""


class Said:
    """Its last words so far. They are taken as they come: a process that logs into a full pipe waits for ever."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._end = b""
        self._is_over = False
        self._news = asyncio.Event()

    @property
    def text(self) -> str:
        """The last of it, in whole lines."""
        return (self._end[: self._end.rfind(b"\n") + 1]).decode(errors="replace")

    async def until(self, mark: str) -> str:
        """The last of it, once that holds the mark. Raises AssertionError if it ends before."""
        while mark not in self.text:
            if self._is_over:
                raise AssertionError(f"it ended: {self._end.decode(errors='replace')}")
            self._news.clear()
            await self._news.wait()
        return self.text

    async def to_the_end(self) -> str:
        """The last of it, once there is no more and the process has ended: its exit status is known then."""
        while not self._is_over:
            self._news.clear()
            await self._news.wait()
        return self.text

    async def hear(self, process: asyncio.subprocess.Process) -> None:
        """Take what comes, to the end."""
        if process.stderr is None:
            raise AssertionError("its standard error is no pipe")
        while chunk := await process.stderr.read(_KEPT):
            self._end = (self._end + chunk)[-_KEPT:]
            self._news.set()
        await process.wait()  # its pipe is closed a moment before it has ended
        self._is_over = True
        self._news.set()


@asynccontextmanager
async def heard(process: asyncio.subprocess.Process) -> AsyncIterator[Said]:
    """What a process says on standard error, a pipe; it has ended when this does."""
    said = Said()
    hearing = asyncio.create_task(said.hear(process))
    try:
        yield said
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await hearing
