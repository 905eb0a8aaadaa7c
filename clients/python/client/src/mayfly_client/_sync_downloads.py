"""Client's way to the bytes: through a signed link, checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, overload

import httpx

from mayfly_client import _links
from mayfly_client._grants_sync import retrying_sync
from mayfly_client._sinks import Sink
from mayfly_client._sync_storage import SyncStorage

if TYPE_CHECKING:
    from pathlib import Path

    from mayfly_client._bodies import Progress


class SyncDownloads(SyncStorage):
    """Fetch audio."""

    @overload
    def download(
        self,
        name: str,
        target: None = None,
        *,
        progress: Progress | None = None,
        timeout: float | None = None,
    ) -> bytes: ...
    @overload
    def download(
        self,
        name: str,
        target: Path,
        *,
        progress: Progress | None = None,
        timeout: float | None = None,
    ) -> Path: ...
    def download(
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
        deadline = _links.Deadline.start("download", self._long(timeout))
        audio = self.get(name, timeout=min(self._short(None), deadline.left()))
        link = self.url(name, timeout=min(self._short(None), deadline.left()))
        with Sink(audio, target, progress) as sink:
            retrying_sync(lambda: self._fetch(link.url, sink, deadline), deadline)
            return sink.finish()

    def _fetch(self, url: str, sink: Sink, deadline: _links.Deadline) -> None:
        sink.restart()
        try:
            timeout = deadline.http_timeout()
            with self.http.stream("GET", url, headers=_links.GET_HEADERS, timeout=timeout) as response:
                _links.check_get(response)
                for chunk in deadline.watch(response.iter_bytes(_links.TRANSFER_CHUNK_BYTES)):
                    sink.write(chunk)
        except httpx.TransportError as error:
            raise _links.unreachable(error, url) from error
