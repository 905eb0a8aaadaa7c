"""The sweeps of a server: begin, watch, look up, list, and stop them all at the end."""

from __future__ import annotations

import asyncio
import contextvars
import logging
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Final, Protocol

from mayfly_sweeper.domain.errors import (
    RequestIdReusedError,
    ShuttingDownError,
    SweepRunningError,
    TooManySweepsError,
)
from mayfly_sweeper.domain.sweep import Ending, Progress, Sweep, SweepOrder, SweepState
from mayfly_sweeper.usecases.remembered import Remembered, SweepMemory

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from uuid import UUID

_log = logging.getLogger("mayfly.sweeper")

MAX_DRY_RUNS: Final = 4
"""Dry runs at a time. They delete nothing, but each of them walks through storage's listings."""

RETRY_AFTER: Final = timedelta(seconds=10)


class Engine(Protocol):
    """Carries out one sweep; see `SweepEngine`."""

    async def __call__(
        self, order: SweepOrder, *, on_progress: Callable[[Progress], None], stop: Callable[[], bool]
    ) -> Ending:
        """Carry out one sweep."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepPage:
    """One page of the list of sweeps."""

    sweeps: tuple[Sweep, ...]

    last: int | None
    """Number of the last sweep of the page; None if no page follows."""


class Sweeps:
    """Begins sweeps in the background and remembers them. Belongs to one event loop."""

    def __init__(
        self,
        engine: Engine,
        *,
        now: Callable[[], datetime],
        new_id: Callable[[], UUID],
        capacity: int,
        on_end: Callable[[Sweep, Ending], None] = lambda _sweep, _ending: None,
    ) -> None:
        """Take what is needed; nothing runs yet.

        Args:
            engine: What carries out a sweep.
            now: The clock of start and end times.
            new_id: Makes the sweeps' ids.
            capacity: How many sweeps are remembered.
            on_end: Told once about each sweep that ended.
        """
        self._engine = engine
        self._now = now
        self._new_id = new_id
        self._memory = SweepMemory(capacity=capacity)
        self._on_end = on_end
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping = False

    def start(self, order: SweepOrder, *, request_id: str) -> Sweep:
        """Begin a sweep and return at once; the same request again gets the sweep that it began.

        Raises:
            RequestIdReusedError: The request began a sweep with another order.
            SweepRunningError: A real sweep is running, and this would be another.
            TooManySweepsError: Too many dry runs are running.
            ShuttingDownError: The server stops.
        """
        if known := self._memory.of_request(request_id):
            if known.sweep.order != order:
                raise RequestIdReusedError(known.sweep.name)
            return known.sweep
        self._admit(order)
        sweep = Sweep(name=f"sweeps/{self._new_id()}", order=order, start_time=self._now())
        remembered = self._memory.add(sweep, request_id=request_id)
        # A context of its own: the sweep outlives the RPC that began it, and must not inherit its deadline.
        task = asyncio.get_running_loop().create_task(
            self._carry_out(remembered), name=sweep.name, context=contextvars.Context()
        )
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return sweep

    def get(self, name: str) -> Sweep:
        """The sweep as it is now.

        Raises:
            SweepNotFoundError: There is none of this name, or it was forgotten.
        """
        return self._memory.get(name).sweep

    def watch(self, name: str) -> AsyncIterator[Sweep]:
        """The sweep as it is now, then each time that it has moved on, then at its end.

        Raises:
            SweepNotFoundError: There is none of this name, or it was forgotten.
        """
        return self._memory.get(name).watch()

    def page(self, *, size: int, before: int | None) -> SweepPage:
        """A page of the sweeps, newest first.

        Args:
            size: Most sweeps in the page.
            before: `last` of the page before; None for the first.
        """
        found = list(islice(self._memory.newest_first(before=before), size + 1))
        shown = found[:size]
        return SweepPage(
            sweeps=tuple(remembered.sweep for remembered in shown),
            last=shown[-1].number if len(found) > size else None,
        )

    async def stop(self, *, within: timedelta) -> None:
        """Let running sweeps stop between two pages; cancel what has not stopped in time. No sweep begins any more."""
        self._stopping = True
        running = list(self._tasks)
        if running:
            _, late = await asyncio.wait(running, timeout=within.total_seconds())
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def _admit(self, order: SweepOrder) -> None:
        if self._stopping:
            raise ShuttingDownError(retry_after=RETRY_AFTER)
        alike = [one for one in self._memory.running() if one.sweep.order.dry_run == order.dry_run]
        if alike and not order.dry_run:
            raise SweepRunningError(alike[0].sweep.name)
        if len(alike) >= MAX_DRY_RUNS:
            raise TooManySweepsError(limit=MAX_DRY_RUNS, retry_after=RETRY_AFTER)

    async def _carry_out(self, remembered: Remembered) -> None:
        def show(progress: Progress) -> None:
            remembered.update(replace(remembered.sweep, report=progress.report))

        ending = Ending(state=SweepState.FAILED, report=remembered.sweep.report, failure="The server was stopped.")
        try:
            ending = await self._engine(remembered.sweep.order, on_progress=show, stop=lambda: self._stopping)
        except Exception:  # noqa: BLE001 - the sweep must be seen to end, whatever happened
            # A fault of ours. Whoever watches learns that it ended; the log has the rest.
            _log.exception("sweep_broke", extra={"sweep": remembered.sweep.name})
            ending = replace(ending, report=remembered.sweep.report, failure="An internal fault ended the sweep.")
        finally:
            remembered.update(
                replace(
                    remembered.sweep,
                    state=ending.state,
                    report=ending.report,
                    failure=ending.failure,
                    notes=ending.notes,
                    certificate=ending.certificate,
                    end_time=self._now(),
                )
            )
            self._on_end(remembered.sweep, ending)
