"""FakeMayfly: all servers of Mayfly in one process, in memory."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

import grpc
from mayfly.storage.v1.storage_service_pb2_grpc import add_StorageServiceServicer_to_server
from mayfly.sweeper.v1.sweeper_service_pb2_grpc import add_SweeperServiceServicer_to_server
from mayfly.synth.v1.synth_service_pb2_grpc import add_SynthServiceServicer_to_server

from mayfly_client._async import AsyncClient
from mayfly_client._fake.clock import FakeClock
from mayfly_client._fake.faults import FakeGate, Faults
from mayfly_client._fake.links import Links
from mayfly_client._fake.refusal import Refusal
from mayfly_client._fake.shelf import Shelf
from mayfly_client._fake.storage import FakeStorage
from mayfly_client._fake.transport.storage_servicer import FakeStorageServicer
from mayfly_client._fake.transport.sweeper_servicer import FakeSweeperServicer
from mayfly_client._fake.transport.synth_servicer import FakeSynthServicer
from mayfly_client._sync import Client

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime, timedelta
    from typing import Self

    from mayfly_client._fake.faults import FakeCall

_C = TypeVar("_C")

_WORKERS = 8


class FakeMayfly:
    """Storage, synth and sweeper on free ports of loopback, for tests of code that calls Mayfly.

    Speech is a tone as long as its text; links work over real HTTP; errors have the reasons of the real servers. Time
    stands still: `fake.clock.advance(timedelta(hours=25))` lets audio and links end.

        with FakeMayfly() as fake, fake.client() as client:
            speech = client.speak("Hello.")

    Args:
        start: Where the clock begins. Default: now.
        token: Bearer token that every call has to carry. Default: none is asked for.
        keeps_text: Whether storage keeps the texts that were spoken.
    """

    def __init__(self, *, start: datetime | None = None, token: str | None = None, keeps_text: bool = True) -> None:
        self.clock = FakeClock(start)
        self._token = token
        self._faults = Faults()
        shelf = Shelf(self.clock.now)
        self._links = Links(shelf, self.clock.now)
        storage = FakeStorage(shelf=shelf, links=self._links, now=self.clock.now, keeps_text=keeps_text)
        self._storage = self._server("storage.mayfly")
        add_StorageServiceServicer_to_server(FakeStorageServicer(storage), self._storage)
        self._synth = self._server("synth.mayfly")
        add_SynthServiceServicer_to_server(FakeSynthServicer(storage), self._synth)
        self._sweeper = self._server("sweeper.mayfly")
        add_SweeperServiceServicer_to_server(FakeSweeperServicer(shelf, self.clock.now), self._sweeper)
        self.storage = _bound(self._storage)
        self.synth = _bound(self._synth)
        self.sweeper = _bound(self._sweeper)

    def __enter__(self) -> Self:
        self._links.start()
        for server in (self._storage, self._synth, self._sweeper):
            server.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._faults.release()
        for stopped in [server.stop(grace=None) for server in (self._storage, self._synth, self._sweeper)]:
            stopped.wait()
        self._links.stop()

    @property
    def links(self) -> str:
        """Where signed links begin, e.g. `http://127.0.0.1:40123`."""
        return self._links.base

    @property
    def environ(self) -> Mapping[str, str]:
        """The variables with which `Client.from_env()` and the `mayfly` command find these servers."""
        return {
            "MAYFLY_STORAGE_TARGET": self.storage,
            "MAYFLY_SYNTH_TARGET": self.synth,
            "MAYFLY_SWEEPER_TARGET": self.sweeper,
            **({"MAYFLY_TOKEN": self._token} if self._token else {}),
        }

    @property
    def calls(self) -> tuple[FakeCall, ...]:
        """Every call that has reached a server, oldest first; retries are calls of their own."""
        return tuple(self._faults.calls)

    def client(self, *, timeout: float = 10.0) -> Client:
        """A client of these servers. To be closed by the caller."""
        return self._connected(Client, timeout)

    def async_client(self, *, timeout: float = 10.0) -> AsyncClient:
        """An asynchronous client of these servers. To be closed by the caller."""
        return self._connected(AsyncClient, timeout)

    def refuse(
        self,
        method: str,
        code: grpc.StatusCode,
        reason: str,
        *,
        times: int = 1,
        retry_after: timedelta | None = None,
    ) -> None:
        """The next calls of a method fail.

        Args:
            method: Name of the RPC, e.g. `Synthesize`.
            code: Status code, e.g. `grpc.StatusCode.RESOURCE_EXHAUSTED`.
            reason: Reason of the ErrorInfo, e.g. `SERVER_BUSY`; empty: no server of Mayfly says anything.
            times: How many calls.
            retry_after: When coming again may help.
        """
        message = f"{method} was told to fail"
        self._faults.refuse(method, Refusal(code=code, reason=reason, message=message, retry_after=retry_after), times)

    def hang(self, method: str) -> None:
        """Calls of a method are not answered any more."""
        self._faults.hang(method)

    def _server(self, domain: str) -> grpc.Server:
        return grpc.server(
            ThreadPoolExecutor(_WORKERS, thread_name_prefix=f"fake-{domain}"),
            interceptors=[FakeGate(self._faults, domain=domain, token=self._token)],
            # Two fakes must never share a port.
            options=[("grpc.so_reuseport", 0)],
        )

    def _connected(self, kind: Callable[..., _C], timeout: float) -> _C:
        return kind(storage=self.storage, synth=self.synth, sweeper=self.sweeper, token=self._token, timeout=timeout)


def _bound(server: grpc.Server) -> str:
    return f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
