"""AsyncClient's way to the bytes: through a signed link, checked."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, overload

import httpx

from mayfly_client import _links
from mayfly_client._async_storage import AsyncStorage
from mayfly_client._grants_async import retrying
from mayfly_client._sinks import Sink

if TYPE_CHECKING:
    from pathlib import Path

    from mayfly_client._bodies import Progress


class AsyncDownloads(AsyncStorage):
    """Fetch audio."""

    @overload
    async def download(
        self,
        name: str,
        target: None = None,
        *,
        progress: Progress | None = None,
        timeout: float | None = None,
    ) -> bytes: ...
    @overload
    async def download(
        self,
        name: str,
        target: Path,
        *,
        progress: Progress | None = None,
        timeout: float | None = None,
    ) -> Path: ...
    async def download(
        self,
        name: str,
        target: Path | None = None,
        *,
        progress: Progress | None = None,
        timeout: float | None = None,
    ) -> bytes | Path:
        """The bytes of an audio, checked against storage's SHA-256.

        Args:
            name: Name of the audio.
            target: File to write, or a folder to write it to under its own file name. It appears when it is complete,
                and replaces what was there. Default: answer the bytes.
            progress: Called with the bytes that have come and all bytes.
            timeout: Seconds for all of it. Default: ten times the client's.

        Returns:
            The bytes, or the file that was written.

        Raises:
            AudioNotFoundError: There is no readable audio of this name.
            LinkEndedError: It ended while it was fetched.
            ContentMismatchError: What came is not what was stored; nothing is kept.
        """
        async with _links.bounded("download", self._long(timeout)):
            audio = await self.get(name)
            link = await self.url(name)
            with Sink(audio, target, progress) as sink:
                await retrying(lambda: self._fetch(link.url, sink))
                return await asyncio.to_thread(sink.finish)

    async def _fetch(self, url: str, sink: Sink) -> None:
        sink.restart()
        try:
            async with self.http.stream("GET", url, headers=_links.GET_HEADERS) as response:
                _links.check_get(response)
                async for chunk in response.aiter_bytes(_links.TRANSFER_CHUNK_BYTES):
                    await asyncio.to_thread(sink.write, chunk)
        except httpx.TransportError as error:
            raise _links.unreachable(error, url) from error
