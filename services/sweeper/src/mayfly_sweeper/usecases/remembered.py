"""The sweeps that a server remembers, and who watches them. In memory: a restart forgets them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from mayfly_sweeper.domain.errors import SweepNotFoundError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from mayfly_sweeper.domain.sweep import Sweep


class Remembered:
    """One sweep as it is now, with a way to wait for its next change."""

    def __init__(self, sweep: Sweep, *, number: int) -> None:
        self.sweep = sweep
        self.number = number
        self._changed = asyncio.Event()

    def update(self, sweep: Sweep) -> None:
        """Replace it, and wake whoever watches."""
        self.sweep = sweep
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def watch(self) -> AsyncIterator[Sweep]:
        """The sweep as it is, then after changes, then at its end.

        A slow watcher gets the newest state and not every state between: nothing queues up for it.
        """
        while True:
            changed, sweep = self._changed, self.sweep
            yield sweep
            if not sweep.is_running:
                return
            await changed.wait()


class SweepMemory:
    """The newest sweeps by name and by the request that began them."""

    def __init__(self, *, capacity: int) -> None:
        """Remember at most `capacity` sweeps; the oldest ended one is forgotten for a new one."""
        self._capacity = capacity
        self._by_name: dict[str, Remembered] = {}
        self._by_request: dict[str, str] = {}
        self._count = 0

    def add(self, sweep: Sweep, *, request_id: str) -> Remembered:
        """Remember a new sweep."""
        self._count += 1
        remembered = Remembered(sweep, number=self._count)
        self._by_name[sweep.name] = remembered
        self._by_request[request_id] = sweep.name
        self._forget()
        return remembered

    def get(self, name: str) -> Remembered:
        """The sweep of a name.

        Raises:
            SweepNotFoundError: There is none, or it was forgotten.
        """
        try:
            return self._by_name[name]
        except KeyError:
            raise SweepNotFoundError(name) from None

    def of_request(self, request_id: str) -> Remembered | None:
        """The sweep that a request began."""
        name = self._by_request.get(request_id)
        return self._by_name.get(name) if name else None

    def newest_first(self, *, before: int | None = None) -> Iterator[Remembered]:
        """All of them, or those with a smaller number than `before`."""
        for remembered in reversed(self._by_name.values()):
            if before is None or remembered.number < before:
                yield remembered

    def running(self) -> list[Remembered]:
        """Those that have not ended."""
        return [remembered for remembered in self._by_name.values() if remembered.sweep.is_running]

    def _forget(self) -> None:
        ended = [name for name, remembered in self._by_name.items() if not remembered.sweep.is_running]
        for name in ended[: max(0, len(self._by_name) - self._capacity)]:
            del self._by_name[name]
        self._by_request = {request: name for request, name in self._by_request.items() if name in self._by_name}
