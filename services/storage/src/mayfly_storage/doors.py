"""Storage's two doors, and what tells whether they are open."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final

from mayfly.storage.v1.retention_service_pb2_grpc import add_RetentionServiceServicer_to_server
from mayfly.storage.v1.storage_service_pb2_grpc import add_StorageServiceServicer_to_server

from mayfly_runtime.server import Readiness, RunningServer, ServerBuilder
from mayfly_storage.clock_watch import compare_clocks
from mayfly_storage.readiness import watching
from mayfly_storage.transport.errors import DOMAIN, ERROR_TABLE
from mayfly_storage.transport.retention_servicer import RetentionServicer
from mayfly_storage.usecases.assembly import RetentionUseCases

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AsyncExitStack
    from datetime import datetime

    from mayfly_runtime.server_options import ServerOptions
    from mayfly_runtime.telemetry import Telemetry
    from mayfly_storage.config import StorageSettings
    from mayfly_storage.domain.stores import Backend
    from mayfly_storage.transport.storage_servicer import StorageServicer
    from mayfly_storage.usecases.assembly import World

STORAGE_SERVICE: Final = "mayfly.storage.v1.StorageService"
RETENTION_SERVICE: Final = "mayfly.storage.v1.RetentionService"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningStorage:
    """Storage as it serves."""

    backend: Backend
    storage: RunningServer
    retention: RunningServer


async def start_servers(
    stack: AsyncExitStack,
    settings: StorageSettings,
    telemetry: Telemetry,
    *,
    world: World,
    servicer: StorageServicer,
    now: Callable[[], datetime],
) -> RunningStorage:
    """Both doors. The sweeper's is a server of its own, as it is a right of its own: a network policy must see it."""
    readiness, clocks = Readiness(), partial(compare_clocks, world.backend.stores, now)
    watch = watching(world.backend, readiness, every=settings.readiness_interval, also=clocks)
    await stack.enter_async_context(watch)
    storage = _builder(settings, settings.server_options(settings.listen), telemetry).add(
        add_StorageServiceServicer_to_server, servicer, service=STORAGE_SERVICE, readiness=readiness
    )
    apart = replace(settings.server_options(settings.retention_listen), health_listen=None)
    retention = _builder(settings, apart, telemetry).add(
        add_RetentionServiceServicer_to_server,
        RetentionServicer(RetentionUseCases.over(world)),
        service=RETENTION_SERVICE,
        readiness=readiness,
    )
    return RunningStorage(
        backend=world.backend, storage=await _start(stack, storage), retention=await _start(stack, retention)
    )


async def _start(stack: AsyncExitStack, builder: ServerBuilder) -> RunningServer:
    server = await builder.start()
    stack.push_async_callback(server.stop_now)
    return server


def _builder(settings: StorageSettings, options: ServerOptions, telemetry: Telemetry) -> ServerBuilder:
    return ServerBuilder(options, domain=DOMAIN, errors=ERROR_TABLE, callers=settings.callers(), telemetry=telemetry)
