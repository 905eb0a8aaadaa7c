"""The command as a scheduler runs it: a process of its own, against a real server."""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

import pytest
from mayfly.storage.v1.retention_service_pb2_grpc import add_RetentionServiceServicer_to_server

from mayfly_runtime.identity import CallerRegistry
from mayfly_runtime.server import ServerBuilder
from mayfly_runtime.telemetry import Telemetry
from mayfly_runtime.testing import options_for_tests, running
from mayfly_sweeper.testing import FAKE_ERRORS, FakeRetention, FakeRetentionServicer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable


@dataclass(frozen=True, slots=True)
class Finished:
    """What a command left behind."""

    code: int
    out: str
    err: str


class Run(Protocol):
    """Runs `mayfly-sweeper` to its end."""

    async def __call__(
        self, *arguments: str, started: Callable[[asyncio.subprocess.Process], None] = ..., **settings: str
    ) -> Finished:
        """Give arguments and settings; `started` is told the process."""


@pytest.fixture
def store() -> FakeRetention:
    """A storage by the real clock, which the command has, too."""
    return FakeRetention(lambda: datetime.now(UTC))


@pytest.fixture
async def target(store: FakeRetention) -> AsyncIterator[str]:
    builder = ServerBuilder(
        options_for_tests(),
        domain="storage.mayfly",
        errors=FAKE_ERRORS,
        callers=CallerRegistry.loopback_only(),
        telemetry=Telemetry.disabled(),
    )
    builder.add(
        add_RetentionServiceServicer_to_server,
        FakeRetentionServicer(store),
        service="mayfly.storage.v1.RetentionService",
    )
    async with running(builder) as server:
        yield server.address


@pytest.fixture
def environment(target: str) -> Callable[..., dict[str, str]]:
    """Makes a process's environment: settings by their short names, and nobody's own."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("MAYFLY_")}  # noqa: TID251 - passed on to a child

    def make(**settings: str) -> dict[str, str]:
        chosen = {"retention_target": target, **settings}
        return {**own, **{f"MAYFLY_SWEEPER_{name.upper()}": value for name, value in chosen.items()}}

    return make


@pytest.fixture
def run(environment: Callable[..., dict[str, str]]) -> Run:
    async def run_to_its_end(
        *arguments: str,
        started: Callable[[asyncio.subprocess.Process], None] = lambda _process: None,
        **settings: str,
    ) -> Finished:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "mayfly_sweeper",
            *arguments,
            env=environment(**settings),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        started(process)
        out, err = await process.communicate()
        return Finished(process.returncode or 0, out.decode(), err.decode())

    return run_to_its_end
