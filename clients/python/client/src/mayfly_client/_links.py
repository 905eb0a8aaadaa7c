"""What both kinds of client know about signed links: how to speak HTTP to them, and what their answers mean."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx

from mayfly_client._error_types import (
    DeadlineError,
    ErrorFacts,
    LinkEndedError,
    MayflyError,
    PreconditionError,
    UnavailableError,
)
from mayfly_client._results_storage import without_query

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping

TRANSFER_CHUNK_BYTES = 512 * 1024
"""How much of a file is in memory at a time."""

RETRY_DELAYS = (0.1, 0.2, 0.4)
"""Seconds before the second, third and fourth try: as often as gRPC tries."""

_WAIT_SECONDS, _CONNECT_SECONDS = 30.0, 5.0

HTTP_TIMEOUT = httpx.Timeout(_WAIT_SECONDS, connect=_CONNECT_SECONDS)
"""Bounds of each single wait; the whole transfer has a deadline besides."""

_STALL_SECONDS, _STALL_BYTES_PER_SECOND, _STALL_SHARE = 5.0, 1024**2, 3
_READ_BACK_BYTES_PER_SECOND = 10 * 1024**2

GET_HEADERS = {"Accept-Encoding": "identity"}
"""Audio is compressed already, and its size and checksum are those of the stored bytes."""

# A company's proxy has no way back to this machine.
DIRECT_HOSTS: tuple[str, ...] = ("all://127.0.0.1", "all://localhost", "all://[::1]")

_DOMAIN = "client.mayfly"
_ALREADY_THERE = 412
_S3_CODE = re.compile(r"<Code>(\w{1,64})</Code>")


class _HideQueries(logging.Filter):
    """Takes the signatures out of httpx's log lines: httpx logs the whole URL of each request."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(
                without_query(str(value)) if isinstance(value, httpx.URL) else value for value in record.args
            )
        return True


logging.getLogger("httpx").addFilter(_HideQueries())


@dataclass(frozen=True, slots=True)
class Deadline:
    """The end of a synchronous transfer, which nothing but itself can interrupt: it looks between chunks."""

    what: str
    timeout: float
    end: float
    monotonic: Callable[[], float]

    @classmethod
    def start(cls, what: str, timeout: float, monotonic: Callable[[], float] = time.monotonic) -> Deadline:
        """A deadline `timeout` seconds from now."""
        return cls(what, timeout, monotonic() + timeout, monotonic)

    def left(self) -> float:
        """Seconds that are left; DeadlineError if there are none."""
        if (left := self.end - self.monotonic()) <= 0:
            raise out_of_time(self.what, self.timeout)
        return left

    def http_timeout(self, stall: float | None = None) -> httpx.Timeout:
        """Bounds of the single waits of a request that begins now: no longer than what is left, or than `stall`."""
        left = self.left() if stall is None else min(self.left(), stall)
        return httpx.Timeout(min(_WAIT_SECONDS, left), connect=min(_CONNECT_SECONDS, left))

    def watch(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """The pieces, as long as there is time."""
        for piece in pieces:
            self.left()
            yield piece


def stall_of(timeout: float, size_bytes: int) -> float:
    """Seconds to wait for a store that makes no progress, if there is another way.

    A large file takes its time in the store, too, once all of it was sent. At most a third of the time is waited: the
    other way needs the rest.
    """
    return min(_WAIT_SECONDS, timeout / _STALL_SHARE, _STALL_SECONDS + size_bytes / _STALL_BYTES_PER_SECOND)


def commit_seconds(timeout: float, size_bytes: int) -> float:
    """Seconds for a commit: where the store keeps no checksum of the whole, storage reads all of it back."""
    return timeout + size_bytes / _READ_BACK_BYTES_PER_SECOND


def waits(stall: float | None) -> httpx.Timeout:
    """Bounds of each single wait of a request."""
    return HTTP_TIMEOUT if stall is None else httpx.Timeout(stall, connect=min(_CONNECT_SECONDS, stall))


def is_stall(error: UnavailableError) -> bool:
    """Whether the other side was waited for in vain."""
    return isinstance(error.__cause__, httpx.TimeoutException)


def check_put(response: httpx.Response) -> None:
    """Refuse every answer to a PUT but success.

    412 is a success, too: something lies at the key already, which is our own earlier try or not ours at all, and
    CommitUpload finds out which by the attempt, the size and the checksum.
    """
    if response.is_success or response.status_code == _ALREADY_THERE:
        return
    raise _refusal(response, "upload")


def check_get(response: httpx.Response) -> None:
    """Refuse every answer to a GET but success."""
    if not response.is_success:
        raise _refusal(response, "download")


def unreachable(error: httpx.TransportError, url: str) -> MayflyError:
    """The exception for a transfer that the network ended. httpx's own text never holds the URL."""
    facts = _facts("LINK_UNREACHABLE", url)
    if isinstance(error, httpx.LocalProtocolError | httpx.UnsupportedProtocol):
        # Coming again does not help: the file changed while it was sent, or the link is no link.
        return PreconditionError(f"the transfer could not be carried out: {error}", facts)
    return UnavailableError(
        f"{_place(url)} broke the transfer off or does not answer: {str(error) or type(error).__name__}", facts
    )


def out_of_time(what: str, timeout: float) -> DeadlineError:
    """The exception for a transfer that took too long."""
    return DeadlineError(
        f"the {what} was not done within {timeout:g} s",
        ErrorFacts(reason="DEADLINE_EXCEEDED", domain=_DOMAIN, metadata={"timeout": f"{timeout:g}"}),
    )


@asynccontextmanager
async def bounded(what: str, timeout: float) -> AsyncIterator[None]:  # noqa: ASYNC109 - it is asyncio.timeout, in our words
    """Give an asynchronous transfer an end: DeadlineError when `timeout` seconds have passed."""
    try:
        async with asyncio.timeout(timeout):
            yield
    except TimeoutError as error:
        raise out_of_time(what, timeout) from error


def mismatch_facts(field: str, expected: str, actual: str) -> ErrorFacts:
    """Facts of a download that is not what storage described."""
    metadata: Mapping[str, str] = {"field": field, "expected": expected, "actual": actual}
    return ErrorFacts(reason="CONTENT_MISMATCH", domain=_DOMAIN, metadata=metadata)


def _refusal(response: httpx.Response, what: str) -> MayflyError:
    url, status = str(response.url), response.status_code
    said = f"HTTP {status}{_s3_code(response)}"
    if status in {401, 403, 404, 410}:
        facts = _facts("LINK_ENDED", url, status)
        return LinkEndedError(f"the link for this {what} has ended or was refused ({said}); ask for a new one", facts)
    if status in {408, 425, 429} or status >= 500:
        return UnavailableError(
            f"{_place(url)} cannot serve the {what} now ({said})", _facts("LINK_UNREACHABLE", url, status)
        )
    return PreconditionError(f"{_place(url)} refused the {what} ({said})", _facts("LINK_REFUSED", url, status))


def _s3_code(response: httpx.Response) -> str:
    """S3's word for the refusal. Only that: the rest of its answer may show what was signed."""
    if not response.is_closed:
        return ""
    found = _S3_CODE.search(response.text)
    return f" {found[1]}" if found else ""


def _facts(reason: str, url: str, status: int | None = None) -> ErrorFacts:
    metadata = {"host": httpx.URL(url).host} | ({} if status is None else {"status": str(status)})
    return ErrorFacts(reason=reason, domain=_DOMAIN, metadata=metadata)


def _place(url: str) -> str:
    parsed = httpx.URL(url)
    return f"{parsed.scheme}://{parsed.netloc.decode()}"
