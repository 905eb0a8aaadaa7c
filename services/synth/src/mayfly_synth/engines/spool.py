"""An input that is written to a temporary file while it goes by."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from mayfly_runtime.offload import Offload
    from mayfly_synth.engines.intake import Intake
    from mayfly_synth.engines.scratch import ScratchFile

_BATCH_BYTES: Final = 1024 * 1024
"""What is written at a time: each write is a trip to a thread."""


class Spool:
    """Fills a file with an input."""

    __slots__ = ("_batch", "_intake", "_offload", "file")

    def __init__(self, intake: Intake, file: ScratchFile, *, offload: Offload) -> None:
        self._intake = intake
        self._offload = offload
        self._batch = bytearray()
        self.file = file
        """Complete after `fill`."""

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """The input. Who stops taking it may go on with `fill`, and nothing is lost."""
        async for piece in self._intake.pieces():
            self._batch += piece
            if len(self._batch) >= _BATCH_BYTES:
                await self._write()
            yield piece

    async def fill(self) -> None:
        """Put all that is left of the input into the file.

        Raises:
            ProcessingError: If it is too large, or there is no room for it.
        """
        async for _ in self.pieces():
            pass
        await self._write()

    async def _write(self) -> None:
        data, self._batch = bytes(self._batch), bytearray()
        writing = self._offload.begin(self.file.write, data)
        try:
            await asyncio.shield(writing)
        except asyncio.CancelledError:
            # The thread goes on, and whoever cancels closes the file: its number could be another file's by then.
            await asyncio.wait([writing])
            raise
