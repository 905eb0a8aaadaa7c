"""What a sweep and a server are put together from."""

from __future__ import annotations

import secrets
import time
import uuid
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING

from mayfly.sweeper.v1.sweeper_service_pb2_grpc import add_SweeperServiceServicer_to_server

from mayfly_runtime.deadlines import deadline_client_interceptors
from mayfly_runtime.server import ServerBuilder
from mayfly_sweeper.adapters.retention_client import RetentionClient, open_storage_channel
from mayfly_sweeper.transport.errors import DOMAIN, ERROR_TABLE
from mayfly_sweeper.transport.page_tokens import PageTokens
from mayfly_sweeper.transport.sweeper_servicer import SweeperServicer
from mayfly_sweeper.usecases.certified import CertifiedEngine
from mayfly_sweeper.usecases.sweep import SweepEngine
from mayfly_sweeper.usecases.witness import Sources

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from mayfly_runtime.telemetry import Telemetry
    from mayfly_sweeper.config import SweeperSettings
    from mayfly_sweeper.domain.ports import Certificates
    from mayfly_sweeper.usecases.sweeps import Sweeps

_SERVICE = "mayfly.sweeper.v1.SweeperService"


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
        now=utc_now,
        monotonic=time.monotonic,
        max_clock_skew=settings.max_clock_skew,
        page_size=settings.page_size,
        batch_size=settings.page_size,
    )
    sources = Sources(
        retention=storage, certificates=storage, now=utc_now, new_id=uuid.uuid4, version=version("mayfly-sweeper")
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


def utc_now() -> datetime:
    """This machine's clock."""
    return datetime.now(UTC)
