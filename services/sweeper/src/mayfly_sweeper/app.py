"""Composition root: what a sweep and a server are made of. The only module that knows both sides."""

from __future__ import annotations

import logging
import secrets
import time
import uuid
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING

from mayfly.sweeper.v1.sweeper_service_pb2_grpc import add_SweeperServiceServicer_to_server

from mayfly_runtime.deadlines import deadline_client_interceptors
from mayfly_runtime.server import ServerBuilder, serve_until_signal
from mayfly_runtime.telemetry import Telemetry
from mayfly_sweeper.adapters.metrics import SweepMetrics
from mayfly_sweeper.adapters.retention_client import RetentionClient, open_storage_channel
from mayfly_sweeper.signals import stop_on_signal
from mayfly_sweeper.summary import summary_fields
from mayfly_sweeper.transport.errors import DOMAIN, ERROR_TABLE
from mayfly_sweeper.transport.page_tokens import PageTokens
from mayfly_sweeper.transport.sweeper_servicer import SweeperServicer
from mayfly_sweeper.transport.sweeping_server import SweepingServer
from mayfly_sweeper.usecases.certified import CertifiedEngine
from mayfly_sweeper.usecases.sweep import SweepEngine
from mayfly_sweeper.usecases.sweeps import Sweeps
from mayfly_sweeper.usecases.witness import Sources

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from mayfly_sweeper.config import SweeperSettings
    from mayfly_sweeper.domain.ports import Certificates
    from mayfly_sweeper.domain.sweep import Ending, Progress, Sweep, SweepOrder
    from mayfly_sweeper.usecases.pacing import FetchPage
    from mayfly_sweeper.usecases.purging import OnResult

_SERVICE = "mayfly.sweeper.v1.SweeperService"
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
            sweeps = Sweeps(engine, now=_now, new_id=uuid.uuid4, capacity=settings.remembered_sweeps, on_end=ended)
            server = await build_server(settings, sweeps, storage, telemetry).start()
            await serve_until_signal(SweepingServer(server, sweeps, drain=settings.drain))
    finally:
        telemetry.shutdown()


@asynccontextmanager
async def open_storage(settings: SweeperSettings, telemetry: Telemetry) -> AsyncIterator[RetentionClient]:
    """Storage behind a channel, which is closed at the end."""
    channel = open_storage_channel(
        settings.retention_target,
        token=settings.token.get_secret_value() if settings.token else None,
        tls=settings.tls_to_storage(),
        interceptors=[
            *telemetry.client_interceptors(),
            *deadline_client_interceptors(cap=settings.call_timeout),
        ],
    )
    async with channel:
        yield RetentionClient(channel, target=settings.retention_target, call_timeout=settings.call_timeout)


def build_engine(settings: SweeperSettings, storage: RetentionClient) -> CertifiedEngine:
    """What carries out sweeps."""
    engine = SweepEngine(
        retention=storage,
        now=_now,
        monotonic=time.monotonic,
        max_clock_skew=settings.max_clock_skew,
        page_size=settings.page_size,
        batch_size=settings.page_size,
    )
    sources = Sources(
        retention=storage, certificates=storage, now=_now, new_id=uuid.uuid4, version=version("mayfly-sweeper")
    )
    return CertifiedEngine(engine=engine, sources=sources)


def build_server(
    settings: SweeperSettings, sweeps: Sweeps, certificates: Certificates, telemetry: Telemetry
) -> ServerBuilder:
    """The server over the sweeps."""
    servicer = SweeperServicer(
        sweeps,
        certificates,
        defaults=settings.order(),
        tokens=PageTokens(secrets.token_bytes(32)),
    )
    return ServerBuilder(
        settings.server_options(settings.listen),
        domain=DOMAIN,
        errors=ERROR_TABLE,
        callers=settings.callers(),
        telemetry=telemetry,
    ).add(add_SweeperServiceServicer_to_server, servicer, service=_SERVICE)


def _now() -> datetime:
    return datetime.now(UTC)
