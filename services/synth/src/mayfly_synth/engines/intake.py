"""The bytes that somebody sends, counted while they go by, and looked at before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mayfly_synth.domain.processing_errors import InputTooLargeError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator


class Intake:
    """An input that can be read once."""

    __slots__ = ("_head", "_max_bytes", "_source", "size")

    def __init__(self, source: AsyncIterator[bytes], *, max_bytes: int) -> None:
        self._source = source
        self._max_bytes = max_bytes
        self._head = bytearray()
        self.size = 0
        """Bytes that came so far."""

    async def head(self, size: int) -> bytes:
        """The first bytes, which `pieces` answers again.

        Raises:
            InputTooLargeError: If there is more than the bound.
        """
        while len(self._head) < size and (piece := await self._next()) is not None:
            self._head += piece
        with memoryview(self._head) as view:
            return bytes(view[:size])

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """Everything that was not answered before.

        Raises:
            InputTooLargeError: If there is more than the bound.
        """
        if self._head:
            head, self._head = bytes(self._head), bytearray()
            yield head
        while (piece := await self._next()) is not None:
            yield piece

    async def drain(self) -> None:
        """Take what is left, as the sender wants to be heard out, and what it says at the end matters."""
        async for _ in self.pieces():
            pass

    async def _next(self) -> bytes | None:
        piece = await anext(self._source, None)
        if piece is None:
            return None
        self.size += len(piece)
        if self.size > self._max_bytes:
            raise InputTooLargeError(size_bytes=self.size, max_size_bytes=self._max_bytes)
        return piece
