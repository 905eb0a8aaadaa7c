"""One HTTP request by somebody who has nothing but a link: no credentials, no proxy, no redirect."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import TYPE_CHECKING, Final
from urllib.parse import SplitResult, urlsplit

from mayfly_storage.usecases.round_trips import HttpAnswer, NoHttpAnswerError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mayfly_runtime.offload import Offload

_MOST_BYTES: Final = 1024 * 1024
"""Of an answer: who asks knows what to expect, and it is small."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpExchange:
    """The `Http` of round trips, over the network."""

    offload: Offload
    timeout: timedelta = timedelta(seconds=10)
    """For connecting, and for each piece that comes."""

    async def __call__(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> HttpAnswer:
        """Ask once. Raises NoHttpAnswerError."""
        return await self.offload(self._ask, method, urlsplit(url), headers or {}, body)

    def _ask(self, method: str, url: SplitResult, headers: Mapping[str, str], body: bytes) -> HttpAnswer:
        kind = HTTPSConnection if url.scheme == "https" else HTTPConnection
        connection = kind(url.hostname or "", url.port, timeout=self.timeout.total_seconds())
        try:
            connection.request(method, f"{url.path}?{url.query}", body=body or None, headers=dict(headers))
            answer = connection.getresponse()
            return HttpAnswer(answer.status, answer.read(_MOST_BYTES), answer.getheader("ETag", ""))
        except (OSError, HTTPException) as error:
            # Not the URL: whoever reads it could use the link.
            reason = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
            raise NoHttpAnswerError(f"nobody answers at {url.netloc} ({reason})") from error
        finally:
            connection.close()
