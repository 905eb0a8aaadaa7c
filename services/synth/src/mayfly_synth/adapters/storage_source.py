"""Reads audio that storage keeps through its link: a piece at a time, and never more than was promised."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import httpx

from mayfly_client.errors import AudioNotFoundError
from mayfly_runtime.deadlines import time_left
from mayfly_synth.adapters.storage_errors import RETRY_AFTER, translated
from mayfly_synth.domain.errors import StorageUnavailableError
from mayfly_synth.domain.processing_errors import InputTooLargeError, SourceNotFoundError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from mayfly_client import AsyncClient

_PIECE_BYTES: Final = 64 * 1024
_WAIT_SECONDS: Final = 30.0
_GONE: Final = frozenset({403, 404, 410})
_AS_IT_IS: Final = {"Accept-Encoding": "identity"}


class StorageSource:
    """An `AudioSource` through Mayfly's client."""

    def __init__(self, client: AsyncClient) -> None:
        """Take a ready client; its channel carries the deadline of the running RPC on."""
        self._client = client

    async def open(self, name: str, *, max_bytes: int) -> AsyncGenerator[bytes, None]:
        """The bytes of an audio; see `AudioSource`."""
        url = await self._link(name)
        left = time_left()
        wait = _WAIT_SECONDS if left is None else min(_WAIT_SECONDS, max(left, 0.1))
        read = 0
        try:
            async with self._client.http.stream("GET", url, headers=_AS_IT_IS, timeout=wait) as response:
                if response.status_code in _GONE:
                    raise SourceNotFoundError(name)
                if not response.is_success:
                    raise StorageUnavailableError(retry_after=RETRY_AFTER)
                _check(int(response.headers.get("Content-Length", 0)), max_bytes)
                async for piece in response.aiter_bytes(_PIECE_BYTES):
                    read += len(piece)
                    _check(read, max_bytes)
                    yield piece
        except httpx.TransportError as error:
            raise StorageUnavailableError(retry_after=RETRY_AFTER) from error

    async def _link(self, name: str) -> str:
        try:
            with translated(None, passing=(AudioNotFoundError,)):
                return (await self._client.url(name)).url
        except AudioNotFoundError as error:
            raise SourceNotFoundError(name) from error


def _check(size: int, max_bytes: int) -> None:
    if size > max_bytes:
        raise InputTooLargeError(size_bytes=size, max_size_bytes=max_bytes)
