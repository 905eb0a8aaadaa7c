"""The real set for tests that cross a service boundary: three processes on free ports, started once."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import grpc
import pytest

from mayfly_client import AsyncClient
from tools.stack.layout import Layout, Ports
from tools.stack.lifecycle import bring_down, bring_up
from tools.stack.programs import Backend

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("faults over longer times")
    group.addoption("--overlap-seconds", type=float, default=6, help="How long five sweepers run at once.")


class Unwatched:
    """A start that nobody watches."""

    def starting(self, name: str) -> None:
        """Say nothing."""

    def ready(self, name: str, seconds: float) -> None:
        """Say nothing."""


@dataclass(frozen=True)
class Stack:
    """A running set: its doors by name, its folders, and who runs."""

    layout: Layout
    pids: dict[str, int]

    def address(self, door: str) -> str:
        """Host and port of `storage`, `retention`, `links`, `synth` or `sweeper`."""
        return self.layout.address(door)

    def client(self) -> AsyncClient:
        """A client of this set."""
        return AsyncClient(
            storage=self.address("storage"), synth=self.address("synth"), sweeper=self.address("sweeper")
        )

    def logs(self) -> str:
        """All that the processes have logged so far."""
        return "\n".join(path.read_text(errors="replace") for path in sorted(self.layout.run.glob("*.log")))


@contextmanager
def running(folder: Path, backend: Backend) -> Iterator[Stack]:
    """Bring a set up in a folder of its own, and down again."""
    layout = Layout(ports=Ports.free(), data=folder / "data", run=folder / "run")
    layout.run.mkdir(parents=True)
    record = bring_up(layout, backend, Unwatched())
    try:
        yield Stack(layout, {process.name: process.pid for process in record.processes})
    finally:
        bring_down(layout)


@pytest.fixture(scope="session")
def start_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Backend], Stack]]:
    """Start a set of a kind once, and share it between all tests that want that kind."""
    started: dict[Backend, Stack] = {}
    with ExitStack() as stack:

        def start(backend: Backend) -> Stack:
            if backend not in started:
                started[backend] = stack.enter_context(running(tmp_path_factory.mktemp(backend.value), backend))
            return started[backend]

        yield start


@pytest.fixture
def embedded(start_stack: Callable[[Backend], Stack]) -> Stack:
    """The set as `make up` starts it."""
    return start_stack(Backend.EMBEDDED)


@pytest.fixture
def aws(start_stack: Callable[[Backend], Stack]) -> Stack:
    """The set as `make up BACKEND=aws` starts it."""
    return start_stack(Backend.AWS)


@pytest.fixture(params=list(Backend), ids=str)
def stack(request: pytest.FixtureRequest, start_stack: Callable[[Backend], Stack]) -> Stack:
    """Each set in turn."""
    return start_stack(request.param)


@pytest.fixture
async def client(stack: Stack) -> AsyncIterator[AsyncClient]:
    """A client of each set in turn."""
    async with stack.client() as opened:
        yield opened


@pytest.fixture
def channels(embedded: Stack) -> Iterator[dict[str, grpc.Channel]]:
    """A bare channel to each door."""
    opened = {
        door: grpc.insecure_channel(embedded.address(door)) for door in ("storage", "retention", "synth", "sweeper")
    }
    yield opened
    for channel in opened.values():
        channel.close()
