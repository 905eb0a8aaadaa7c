"""Composition root: what the gateway is made of, opened in order and closed in reverse."""

from __future__ import annotations

import logging
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mayfly_client import AsyncClient
from mayfly_gateway.api import create_api
from mayfly_gateway.guarding import guarded
from mayfly_runtime.http_server import HttpServer
from mayfly_runtime.signals import serve_until_signal
from mayfly_runtime.telemetry import Telemetry

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp

    from mayfly_gateway.config import GatewaySettings

_log = logging.getLogger("mayfly.gateway")


async def run(settings: GatewaySettings) -> None:
    """Serve until SIGTERM or SIGINT, then drain."""
    async with AsyncExitStack() as stack:
        telemetry = Telemetry.start(settings, "mayfly-gateway")
        stack.callback(telemetry.shutdown)
        mayfly = await stack.enter_async_context(open_client(settings, telemetry))
        server = HttpServer(create_app(settings, mayfly, telemetry=telemetry), settings.http_options())
        await stack.enter_async_context(server)
        _log.info("serving", extra={"address": str(server.address)})
        await serve_until_signal(server)


def open_client(settings: GatewaySettings, telemetry: Telemetry) -> AsyncClient:
    """The client through which everything is reached."""
    return AsyncClient(
        storage=settings.storage_target,
        synth=settings.synth_target,
        sweeper=settings.sweeper_target,
        token=settings.token.get_secret_value() if settings.token else None,
        tls=settings.tls_to_services(),
        timeout=settings.timeout.total_seconds(),
        interceptors=telemetry.client_interceptors(),
    )


def create_app(
    settings: GatewaySettings,
    mayfly: AsyncClient,
    *,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    telemetry: Telemetry | None = None,
) -> ASGIApp:
    """The application over a client, which the caller opens and closes.

    Args:
        settings: What can be set.
        mayfly: A client of storage, synth and sweeper; of `mayfly_client.testing.FakeMayfly` in tests.
        now: The clock.
        telemetry: Where spans and metrics go. Default: nowhere.
    """
    telemetry = telemetry or Telemetry.disabled()
    return guarded(create_api(settings, mayfly, now=now, telemetry=telemetry), settings, telemetry, now)
