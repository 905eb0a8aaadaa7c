"""AsyncClient's ways to keep audio, to end it, and to read it without HTTP."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, overload

from mayfly_client import _answers_storage as answers
from mayfly_client import _links
from mayfly_client import _requests_storage as requests
from mayfly_client._async_downloads import AsyncDownloads
from mayfly_client._grants_async import retrying
from mayfly_client._sinks import Sink

if TYPE_CHECKING:
    import builtins
    from collections.abc import AsyncGenerator
    from datetime import datetime
    from pathlib import Path

    from mayfly_client._bodies import Progress
    from mayfly_client._results_storage import Audio, Forgotten, UsageReport
    from mayfly_client._times import Seconds


class AsyncKeeping(AsyncDownloads):
    """Retain, forget, measure, and stream bytes over gRPC."""

    async def retain(
        self,
        name: str,
        *,
        ttl: Seconds | None = None,
        expire_time: datetime | None = None,
        timeout: float | None = None,
    ) -> Audio:
        """Move the end of an audio, later or earlier; cut to what its collection allows, counted from the creation.

        Args:
            name: Name of the audio.
            ttl: From now on: a timedelta, or seconds. At least 1 s.
            expire_time: Absolute, aware, in the future. Exactly one of the two.
            timeout: Seconds.

        Raises:
            AudioNotFoundError: There is no readable audio of this name.
        """
        request = requests.retain_audio(name, ttl, expire_time)
        with self._errors("storage"):
            answer = await self._storage.RetainAudio(request, timeout=self._short(timeout))
        return answers.audio(answer.audio)

    async def forget(
        self, *, user_id: str | None = None, guest_address: str | None = None, timeout: float | None = None
    ) -> Forgotten:
        """Delete all audio of a user or of a guest now, in as many calls as that needs. Exactly one of the two.

        Args:
            user_id: The user.
            guest_address: The guest's network address.
            timeout: Seconds for each call. Default: ten times the client's.
        """
        request = requests.forget_subject(user_id=user_id, guest_address=guest_address)
        names: builtins.list[str] = []
        while True:
            with self._errors("storage"):
                answer = await self._storage.ForgetSubject(request, timeout=self._long(timeout))
            names += answer.deleted_names
            if not answer.remaining or not answer.deleted_names:
                return answers.forgotten(names, answer.remaining)

    async def usage(self, collection: str | None = None, *, timeout: float | None = None) -> UsageReport:
        """What is stored, and what that costs in a month, roughly; one item for each collection that has audio.

        Args:
            collection: Only this collection.
            timeout: Seconds. Default: ten times the client's, since storage may have to count a lot.
        """
        with self._errors("storage"):
            answer = await self._storage.GetUsage(requests.get_usage(collection), timeout=self._long(timeout))
        return answers.usage(answer)

    async def stream_audio(
        self, name: str, *, offset: int = 0, limit: int | None = None, timeout: float | None = None
    ) -> AsyncGenerator[bytes]:
        """Bytes of an audio over gRPC, as they are taken. They are not checked: `download_stream` does that.

        Leaving the loop early cancels the call; to be sure when, hold the stream in `contextlib.aclosing`.

        Args:
            name: Name of the audio.
            offset: Where to start. Unit: bytes.
            limit: How many bytes at most. Default: all.
            timeout: Seconds for the whole stream. Default: ten times the client's.

        Raises:
            AudioNotFoundError: There is no readable audio of this name, or it ended meanwhile.
        """
        if limit == 0:
            return
        with self._errors("storage"):
            request = requests.download_audio(name, offset, limit)
            call = self._storage.DownloadAudio(request, timeout=self._long(timeout))
            try:
                async for message in call:
                    if message.WhichOneof("payload") == "chunk":
                        yield message.chunk
            finally:
                call.cancel()

    @overload
    async def download_stream(
        self,
        name: str,
        target: None = None,
        *,
        progress: Progress | None = None,
        timeout: float | None = None,
    ) -> bytes: ...
    @overload
    async def download_stream(
        self,
        name: str,
        target: Path,
        *,
        progress: Progress | None = None,
        timeout: float | None = None,
    ) -> Path: ...
    async def download_stream(
        self,
        name: str,
        target: Path | None = None,
        *,
        progress: Progress | None = None,
        timeout: float | None = None,
    ) -> bytes | Path:
        """The same as `download`, over gRPC instead of a link, for callers without HTTP.

        Args:
            name: Name of the audio.
            target: See `download`.
            progress: Called with the bytes that have come and all bytes.
            timeout: Seconds for all of it. Default: ten times the client's.

        Raises:
            AudioNotFoundError: There is no readable audio of this name, or it ended meanwhile.
            ContentMismatchError: What came is not what was stored; nothing is kept.
        """
        async with _links.bounded("download", self._long(timeout)):
            audio = await self.get(name)
            with Sink(audio, target, progress) as sink:
                await retrying(lambda: self._take(name, sink, timeout))
                return await asyncio.to_thread(sink.finish)

    async def _take(self, name: str, sink: Sink, timeout: float | None) -> None:
        sink.restart()
        async for chunk in self.stream_audio(name, timeout=timeout):
            await asyncio.to_thread(sink.write, chunk)
