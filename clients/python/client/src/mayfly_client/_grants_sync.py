"""Putting bytes through a grant, synchronously: the twin of _grants_async."""

from __future__ import annotations

import threading
import time
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, TypeVar

import httpx

from mayfly_client import _links
from mayfly_client._bodies import Tally, chunks
from mayfly_client._error_types import UnavailableError
from mayfly_client._grants import PARTS_AT_A_TIME, PutStep, part_etags, put_steps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from mayfly_client._bodies import Progress
    from mayfly_client._results_storage import UploadGrant

_T = TypeVar("_T")


def open_sync_http() -> httpx.Client:
    """An HTTP client for links: bounded waits, no redirects, no proxy for loopback. To be closed by the caller."""
    return httpx.Client(
        timeout=_links.HTTP_TIMEOUT,
        mounts=dict.fromkeys(_links.DIRECT_HOSTS),
        follow_redirects=False,
    )


def put_grant_sync(
    http: httpx.Client,
    grant: UploadGrant,
    body: bytes | Path,
    *,
    timeout: float = 300.0,
    progress: Progress | None = None,
    stall: float | None = None,
) -> tuple[str, ...]:
    """Put the announced bytes through a grant; the twin of `put_grant`. The timeout is looked at between chunks."""
    total = len(body) if isinstance(body, bytes) else body.stat().st_size
    deadline, tally, stopped = _links.Deadline.start("upload", timeout), Tally(total, progress), threading.Event()

    def put(step: PutStep) -> str:
        def once() -> str:
            pieces = _until(stopped, chunks(body, step.offset_bytes, step.size_bytes))
            return _put(http, step, tally.watch(pieces, step.offset_bytes), deadline, stall)

        return retrying_sync(once, deadline, give_up_stalls=stall is not None)

    steps = put_steps(grant, total)
    etags = [put(steps[0])] if len(steps) == 1 else _side_by_side(put, steps, stopped)
    return part_etags(grant, etags)


class _StoppedError(Exception):
    """Another part has failed."""


def _until(stopped: threading.Event, pieces: Iterator[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        if stopped.is_set():
            raise _StoppedError
        yield piece


def _side_by_side(put: Callable[[PutStep], str], steps: Sequence[PutStep], stopped: threading.Event) -> list[str]:
    """The ETags, in order. What fails first ends all of them, at their next piece."""
    with ThreadPoolExecutor(PARTS_AT_A_TIME, thread_name_prefix="mayfly-part") as pool:
        puts = [pool.submit(put, step) for step in steps]
        try:
            done, _ = wait(puts, return_when=FIRST_EXCEPTION)
            for each in done:
                each.result()
            return [each.result() for each in puts]
        finally:
            stopped.set()
            pool.shutdown(cancel_futures=True)


def retrying_sync(once: Callable[[], _T], deadline: _links.Deadline, *, give_up_stalls: bool = False) -> _T:
    """Do it, and again after each of the delays while the other side is unavailable."""
    for delay in _links.RETRY_DELAYS:
        try:
            return once()
        except UnavailableError as error:
            if give_up_stalls and _links.is_stall(error):
                raise
            time.sleep(min(delay, deadline.left()))
    return once()


def _put(
    http: httpx.Client, step: PutStep, content: Iterator[bytes], deadline: _links.Deadline, stall: float | None
) -> str:
    try:
        response = http.request(
            step.method,
            step.url,
            headers=dict(step.headers),
            content=deadline.watch(content),
            timeout=deadline.http_timeout(stall),
        )
    except httpx.TransportError as error:
        raise _links.unreachable(error, step.url) from error
    _links.check_put(response)
    return str(response.headers.get("etag", ""))
