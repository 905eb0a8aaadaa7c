"""Bytes on their way out: a piece at a time, and never past the end of their life."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime, timedelta

    from starlette.types import Receive, Scope, Send

    from mayfly_storage.backends.embedded.blobs import OpenBlob
    from mayfly_storage.backends.embedded.link_server.byte_ranges import ByteRange

logger = logging.getLogger(__name__)

_PIECE: Final = 256 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """When a transfer ends, whether or not it is done."""

    until: datetime
    now: Callable[[], datetime]
    total: timedelta
    idle: timedelta

    def seconds_left(self) -> float:
        """How long it may take from now on."""
        return max(0.0, min(self.total, self.until - self.now()).total_seconds())


class BlobResponse(Response):
    """Part of a blob, or all of it; closes the blob in the end."""

    def __init__(
        self,
        blob: OpenBlob,
        part: ByteRange,
        *,
        status: int,
        headers: Mapping[str, str],
        limits: Limits,
        sha256: bytes | None = None,
    ) -> None:
        """Take the open blob; headers have to fit the part. `sha256`: what it has to have, if it is all."""
        super().__init__(status_code=status, headers=headers)
        self.headers["content-length"] = str(part.length)
        self._blob = blob
        self._part = part
        self._limits = limits
        self._sha256 = sha256
        self._digest = hashlib.sha256()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it. A transfer that is cut off ends without its last piece, so that nobody takes it for whole."""
        start = {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        gone = asyncio.ensure_future(_hang_up(receive))
        try:
            await send(start)
            if scope["method"] != "HEAD":
                await self._send_pieces(send, gone)
            await send({"type": "http.response.body"})
        except _CutOffError:
            logger.info("link_cut_off", extra={"size_bytes": self._part.length})
            scope["state"]["hang_up"]()
        finally:
            gone.cancel()
            self._blob.close()

    async def _send_pieces(self, send: Send, gone: asyncio.Future[None]) -> None:
        offset = self._part.start
        try:
            async with asyncio.timeout(self._limits.seconds_left()):
                while offset < self._part.end:
                    if gone.done() or self._limits.now() >= self._limits.until:
                        raise _CutOffError
                    offset += await self._send_piece(send, offset)
        except TimeoutError:
            raise _CutOffError from None

    async def _send_piece(self, send: Send, offset: int) -> int:
        piece = await self._blob.read(offset, min(_PIECE, self._part.end - offset))
        if not piece or self._is_damaged(piece, is_last=offset + len(piece) >= self._part.end):
            raise _CutOffError
        async with asyncio.timeout(self._limits.idle.total_seconds()):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        return len(piece)

    def _is_damaged(self, piece: bytes, *, is_last: bool) -> bool:
        """Whether what was read is not what was stored: known before the last piece leaves."""
        if self._sha256 is None:
            return False
        self._digest.update(piece)
        damaged = is_last and self._digest.digest() != self._sha256
        if damaged:
            logger.error("link_damaged", extra={"size_bytes": self._part.length})
        return damaged


class _CutOffError(Exception):
    """Somebody or something ended the transfer early."""


async def _hang_up(receive: Receive) -> None:
    """Returns when the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
