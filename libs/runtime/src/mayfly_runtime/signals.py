"""Serve until the process is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator

    from mayfly_runtime.running_server import Drainable

_log = logging.getLogger("mayfly.server")
_STOP_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


async def serve_until_signal(*servers: Drainable) -> None:
    """Serve until SIGTERM or SIGINT, then drain all servers together; a second signal stops them at once.

    If one of the servers stops by itself, the others are drained, too: an orchestrator restarts the process.
    """
    with _signals() as signals:
        await _first_of(signals.get(), *(server.wait_stopped() for server in servers))
        draining = asyncio.gather(*(server.drain() for server in servers))
        second = asyncio.ensure_future(signals.get())
        either: tuple[asyncio.Future[Any], ...] = (draining, second)
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if second.done():
            _log.warning("stopping_at_once")
            await asyncio.gather(*(server.stop_now() for server in servers))
        second.cancel()
        await draining


@contextlib.contextmanager
def _signals() -> Iterator[asyncio.Queue[str]]:
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[str] = asyncio.Queue(maxsize=2)

    def note(number: signal.Signals) -> None:
        _log.info("signal", extra={"signal": number.name})
        with contextlib.suppress(asyncio.QueueFull):
            queue.put_nowait(number.name)

    for number in _STOP_SIGNALS:
        loop.add_signal_handler(number, note, number)
    try:
        yield queue
    finally:
        for number in _STOP_SIGNALS:
            loop.remove_signal_handler(number)


async def _first_of(*waiting: Coroutine[Any, Any, object]) -> None:
    """Wait until one of them is done, and raise what it raised; the others are cancelled."""
    tasks = [asyncio.ensure_future(one) for one in waiting]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
