"""Composition root: a sweep, and the server that carries sweeps out."""

from __future__ import annotations

import logging
import uuid
from typing import TYPE_CHECKING

from mayfly_runtime.server import serve_until_signal
from mayfly_runtime.telemetry import Telemetry
from mayfly_sweeper.adapters.metrics import SweepMetrics
from mayfly_sweeper.assembly import build_engine, build_server, open_storage, utc_now
from mayfly_sweeper.signals import stop_on_signal
from mayfly_sweeper.summary import summary_fields
from mayfly_sweeper.transport.sweeping_server import SweepingServer
from mayfly_sweeper.usecases.sweeps import Sweeps

if TYPE_CHECKING:
    from collections.abc import Callable

    from mayfly_sweeper.config import SweeperSettings
    from mayfly_sweeper.domain.sweep import Ending, Progress, Sweep, SweepOrder
    from mayfly_sweeper.usecases.pacing import FetchPage
    from mayfly_sweeper.usecases.purging import OnResult

_log = logging.getLogger("mayfly.sweeper")


async def sweep_once(
    settings: SweeperSettings,
    order: SweepOrder,
    *,
    plan: FetchPage | None = None,
    on_progress: Callable[[Progress], None] = lambda _progress: None,
    on_result: OnResult = lambda _item, _result: None,
) -> Ending:
    """Carry out one sweep (or a plan); SIGTERM and SIGINT let it stop between two pages."""
    telemetry = Telemetry.start(settings, "mayfly-sweeper")
    try:
        async with open_storage(settings, telemetry) as storage:
            engine = build_engine(settings, storage)
            with stop_on_signal() as stop:
                ending = await engine(order, plan=plan, on_progress=on_progress, on_result=on_result, stop=stop.is_set)
        SweepMetrics(telemetry.meter).record(ending, dry_run=order.dry_run)
    finally:
        telemetry.shutdown()
    return ending


async def serve(settings: SweeperSettings) -> None:
    """Serve SweeperService until SIGTERM or SIGINT."""
    telemetry = Telemetry.start(settings, "mayfly-sweeper")
    metrics = SweepMetrics(telemetry.meter)

    def ended(sweep: Sweep, ending: Ending) -> None:
        metrics.record(ending, dry_run=sweep.order.dry_run)
        _log.info("sweep_ended", extra={"sweep": sweep.name, **summary_fields(ending)})

    try:
        async with open_storage(settings, telemetry) as storage:
            engine = build_engine(settings, storage)
            sweeps = Sweeps(engine, now=utc_now, new_id=uuid.uuid4, capacity=settings.remembered_sweeps, on_end=ended)
            server = await build_server(settings, sweeps, storage, telemetry).start()
            await serve_until_signal(SweepingServer(server, sweeps, drain=settings.drain))
    finally:
        telemetry.shutdown()
