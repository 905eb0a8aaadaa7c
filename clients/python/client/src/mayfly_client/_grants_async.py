"""Putting bytes through a grant, asynchronously."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import httpx

from mayfly_client import _links
from mayfly_client._argument_error import ArgumentError
from mayfly_client._bodies import Tally, chunks_off_loop
from mayfly_client._error_types import UnavailableError
from mayfly_client._grants import PARTS_AT_A_TIME, PutStep, part_etags, put_steps

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable

    from mayfly_client._bodies import Progress
    from mayfly_client._results_storage import UploadGrant

_T = TypeVar("_T")


def open_http() -> httpx.AsyncClient:
    """An HTTP client for links: bounded waits, no redirects, no proxy for loopback. To be closed by the caller."""
    return httpx.AsyncClient(
        timeout=_links.HTTP_TIMEOUT,
        mounts=dict.fromkeys(_links.DIRECT_HOSTS),
        follow_redirects=False,
    )


async def put_grant(
    http: httpx.AsyncClient,
    grant: UploadGrant,
    body: bytes | Path | AsyncIterable[bytes],
    *,
    timeout: float = 300.0,
    progress: Progress | None = None,
    stall: float | None = None,
) -> tuple[str, ...]:
    """Put the announced bytes through a grant. Storage knows of them only after `commit_upload`.

    A broken transfer is tried again, up to four times, if the body can be read again: bytes and files can, a stream
    cannot. A file is never in memory as a whole.

    Args:
        http: From `open_http()`.
        grant: `upload.grant` of `create_upload`.
        body: Exactly the announced bytes.
        timeout: Seconds for all of it.
        progress: Called with the bytes that are sent and all bytes.
        stall: Seconds without any progress after which it ends with UnavailableError, for callers that have another
            way. Default: after 30 s it is tried again.

    Returns:
        The `part_etags` for `commit_upload`; empty for a single PUT.

    Raises:
        LinkEndedError: The grant has expired or was refused.
        UnavailableError: The store did not take the bytes now.
        PreconditionError: The store refuses these bytes.
        DeadlineError: The timeout has passed.
    """
    async with _links.bounded("upload", timeout):
        return await _put_all(http, grant, body, progress, stall)


async def retrying(once: Callable[[], Awaitable[_T]], *, give_up_stalls: bool = False) -> _T:
    """Do it, and again after each of the delays while the other side is unavailable."""
    for delay in _links.RETRY_DELAYS:
        try:
            return await once()
        except UnavailableError as error:
            if give_up_stalls and _links.is_stall(error):
                raise
            await asyncio.sleep(delay)
    return await once()


async def _put_all(
    http: httpx.AsyncClient,
    grant: UploadGrant,
    body: bytes | Path | AsyncIterable[bytes],
    progress: Progress | None,
    stall: float | None,
) -> tuple[str, ...]:
    if not isinstance(body, bytes | Path):
        return await _put_stream(http, grant, body, stall)
    total = len(body) if isinstance(body, bytes) else (await asyncio.to_thread(body.stat)).st_size
    tally, slots = Tally(total, progress), asyncio.Semaphore(PARTS_AT_A_TIME)

    async def put(step: PutStep) -> str:
        async def once() -> str:
            pieces = chunks_off_loop(body, step.offset_bytes, step.size_bytes)
            return await _put(http, step, tally.watch_async(pieces, step.offset_bytes), stall)

        async with slots:
            return await retrying(once, give_up_stalls=stall is not None)

    try:
        async with asyncio.TaskGroup() as group:
            puts = [group.create_task(put(step)) for step in put_steps(grant, total)]
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return part_etags(grant, [each.result() for each in puts])


async def _put_stream(
    http: httpx.AsyncClient, grant: UploadGrant, body: AsyncIterable[bytes], stall: float | None
) -> tuple[str, ...]:
    if grant.parts:
        raise ArgumentError("a multipart grant needs a body that can be read at any place: pass bytes or a Path")
    (step,) = put_steps(grant, None)
    await _put(http, step, aiter(body), stall)
    return ()


async def _put(http: httpx.AsyncClient, step: PutStep, content: AsyncIterator[bytes], stall: float | None) -> str:
    headers, waits = dict(step.headers), _links.waits(stall)
    try:
        response = await http.request(step.method, step.url, headers=headers, content=content, timeout=waits)
    except httpx.TransportError as error:
        raise _links.unreachable(error, step.url) from error
    _links.check_put(response)
    return str(response.headers.get("etag", ""))
