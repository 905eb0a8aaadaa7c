"""Composition root: what storage is made of, opened in order and closed in reverse. Alone knows both sides."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mayfly_runtime.offload import Offload
from mayfly_runtime.server import serve_until_signal
from mayfly_runtime.telemetry import Telemetry
from mayfly_storage.agreement import agree_on_folder
from mayfly_storage.clock_watch import compare_clocks
from mayfly_storage.data_dir import SPOOL, usable
from mayfly_storage.domain.audio import Location
from mayfly_storage.domain.errors import BackendUnavailableError
from mayfly_storage.domain.store_clock import StoreClock
from mayfly_storage.doors import start_servers
from mayfly_storage.fallback_gauges import offer_fallback
from mayfly_storage.fitness import require_fit_store
from mayfly_storage.importing.staging import clear_staging
from mayfly_storage.link_metrics import offer_traffic
from mayfly_storage.mirror_queue import MirrorQueue, mirroring
from mayfly_storage.opening import open_backend, open_mirror, open_privacy, open_world
from mayfly_storage.readiness import check_backend
from mayfly_storage.transport.audit import Audit
from mayfly_storage.transport.spool import Spool
from mayfly_storage.transport.storage_servicer import StorageServicer
from mayfly_storage.transport.upload_stream import UploadReceiver
from mayfly_storage.usage_gauges import counting, offer_gauges
from mayfly_storage.usecases.assembly import StorageUseCases

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from mayfly_storage.config import StorageSettings
    from mayfly_storage.domain.audio import Audio
    from mayfly_storage.domain.stores import Backend
    from mayfly_storage.doors import RunningStorage
    from mayfly_storage.usecases.assembly import World


async def serve(settings: StorageSettings, *, announce: Callable[[RunningStorage], None]) -> None:
    """Serve until SIGTERM or SIGINT, then drain; `announce` is called once everything serves."""
    async with running_storage(settings) as running:
        announce(running)
        await serve_until_signal(running.storage, running.retention)


@asynccontextmanager
async def running_storage(settings: StorageSettings) -> AsyncIterator[RunningStorage]:
    """Storage, serving within the block. A failed start leaves nothing open."""
    async with AsyncExitStack() as stack:
        telemetry = Telemetry.start(settings, "mayfly-storage")
        stack.callback(telemetry.shutdown)
        world, spool = await _open(stack, settings)
        calls = StorageUseCases.over(world)
        if telemetry.enabled:
            _offer_metrics(telemetry, world.backend, calls)
            await stack.enter_async_context(counting(calls.get_usage, every=settings.usage_interval))
        servicer = StorageServicer(
            calls,
            uploads=UploadReceiver(admit=calls.admit_stream, spool=spool),
            audit=Audit(telemetry.meter),
            on_stored=await _start_mirroring(stack, settings, world, spool, telemetry),
        )
        yield await start_servers(stack, settings, telemetry, world=world, servicer=servicer, now=_now)


async def _open(stack: AsyncExitStack, settings: StorageSettings) -> tuple[World, Spool]:
    """The backend, which answers and is fit, and the folder of uploads on their way."""
    pool = Offload(name="spool", workers=settings.spool_workers, queue=settings.max_concurrent_rpcs)
    stack.push_async_callback(pool.shutdown)
    backend = await stack.enter_async_context(open_backend(settings, now=_now))
    await check_backend(backend, within=settings.readiness_interval)
    await agree_on_folder(backend)
    backend = _with_clock(backend, settings)
    with suppress(BackendUnavailableError):  # which the check above has borne, where there is a fallback
        await compare_clocks(backend.stores, _now)
    await require_fit_store(backend, strict=settings.strict, within=settings.readiness_interval)
    with usable(settings.data_dir):
        spool = await Spool.open(settings.data_dir / SPOOL, pool)
        await pool(clear_staging, settings.data_dir)
        privacy = await pool(open_privacy, settings)
    return open_world(settings, backend, privacy, now=_now), spool


def _offer_metrics(telemetry: Telemetry, backend: Backend, calls: StorageUseCases) -> None:
    offer_gauges(telemetry.meter, calls.get_usage)
    if backend.stores.fallback is not None:
        offer_fallback(telemetry.meter, backend.stores.fallback)
    for store in backend.stores.by_location.values():
        if store.traffic is not None:
            offer_traffic(telemetry.meter, store.traffic)


def _with_clock(backend: Backend, settings: StorageSettings) -> Backend:
    return replace(backend, stores=replace(backend.stores, clock=StoreClock(allowed=settings.max_clock_skew)))


async def _start_mirroring(
    stack: AsyncExitStack, settings: StorageSettings, world: World, spool: Spool, telemetry: Telemetry
) -> Callable[[Audio], None]:
    """What is to hear of each audio that was stored."""
    if Location.MIRROR not in world.backend.stores.by_location:
        return lambda _: None
    queue = MirrorQueue(open_mirror(settings, world, spool.open_file))
    queue.offer_metrics(telemetry.meter)
    await stack.enter_async_context(mirroring(queue))
    return queue.offer


def _now() -> datetime:
    return datetime.now(UTC)
