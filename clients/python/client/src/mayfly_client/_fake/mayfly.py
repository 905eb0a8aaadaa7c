"""FakeMayfly: all servers of Mayfly in one process, in memory."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING, TypeVar

import grpc
from mayfly.storage.v1.storage_service_pb2_grpc import add_StorageServiceServicer_to_server
from mayfly.sweeper.v1.sweeper_service_pb2_grpc import add_SweeperServiceServicer_to_server
from mayfly.synth.v1.synth_service_pb2_grpc import add_SynthServiceServicer_to_server

from mayfly_client._async import AsyncClient
from mayfly_client._fake.clock import FakeClock
from mayfly_client._fake.faults import FakeGate, Faults
from mayfly_client._fake.links import Links
from mayfly_client._fake.quotas import FakeQuotas, quotas_of
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
        requests_per_minute: Most requests of each subject in a minute of the clock. Default: any number.
        objects_per_day: Most uploads of each subject in a UTC day of the clock. Default: any number.
        transcript: What is said in every audio that is processed. Default: there is no transcriber.
    """

    def __init__(
        self,
        *,
        start: datetime | None = None,
        token: str | None = None,
        keeps_text: bool = True,
        requests_per_minute: int | None = None,
        objects_per_day: int | None = None,
        transcript: str | None = None,
    ) -> None:
        self.clock = FakeClock(start)
        self._token = token
        self._keeps_text = keeps_text
        self._transcript = transcript
        self._quotas = quotas_of(requests_per_minute=requests_per_minute, objects_per_day=objects_per_day)
        self._faults = Faults()
        self._running = ExitStack()
        self._addresses: dict[str, str] = {}

    def __enter__(self) -> Self:
        with ExitStack() as opened:
            opened.callback(self._faults.release)
            shelf = Shelf(self.clock.now)
            links = opened.enter_context(Links(shelf, self.clock.now))
            quotas = FakeQuotas(self.clock.now, self._quotas)
            storage = FakeStorage(
                shelf=shelf, links=links, quotas=quotas, now=self.clock.now, keeps_text=self._keeps_text
            )
            self._addresses = {
                "links": links.base,
                "storage": self._serve(opened, "storage", _storage_over(storage)),
                "synth": self._serve(opened, "synth", _synth_over(storage, self._transcript)),
                "sweeper": self._serve(opened, "sweeper", _sweeper_over(shelf, self.clock)),
            }
            self._running = opened.pop_all()
        return self

    def __exit__(self, *exc_info: object) -> None:
        # Whoever hangs is let go first: a server does not stop under a call.
        self._faults.release()
        self._running.close()

    @property
    def storage(self) -> str:
        """Address of storage."""
        return self._address("storage")

    @property
    def synth(self) -> str:
        """Address of synth."""
        return self._address("synth")

    @property
    def sweeper(self) -> str:
        """Address of the sweeper."""
        return self._address("sweeper")

    @property
    def links(self) -> str:
        """Where signed links begin, e.g. `http://127.0.0.1:40123`."""
        return self._address("links")

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

    def _serve(self, opened: ExitStack, service: str, add: Callable[[grpc.Server], None]) -> str:
        server = grpc.server(
            ThreadPoolExecutor(_WORKERS, thread_name_prefix=f"fake-{service}"),
            interceptors=[FakeGate(self._faults, domain=f"{service}.mayfly", token=self._token)],
            # Two fakes must never share a port.
            options=[("grpc.so_reuseport", 0)],
        )
        add(server)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        opened.callback(lambda: server.stop(grace=None).wait())
        return f"127.0.0.1:{port}"

    def _address(self, name: str) -> str:
        if name not in self._addresses:
            raise RuntimeError("this FakeMayfly does not run; use it in a with statement")
        return self._addresses[name]

    def _connected(self, kind: Callable[..., _C], timeout: float) -> _C:
        return kind(storage=self.storage, synth=self.synth, sweeper=self.sweeper, token=self._token, timeout=timeout)


def _storage_over(storage: FakeStorage) -> Callable[[grpc.Server], None]:
    return lambda server: add_StorageServiceServicer_to_server(FakeStorageServicer(storage), server)


def _synth_over(storage: FakeStorage, transcript: str | None) -> Callable[[grpc.Server], None]:
    servicer = FakeSynthServicer(storage, transcript=transcript)
    return lambda server: add_SynthServiceServicer_to_server(servicer, server)


def _sweeper_over(shelf: Shelf, clock: FakeClock) -> Callable[[grpc.Server], None]:
    return lambda server: add_SweeperServiceServicer_to_server(FakeSweeperServicer(shelf, clock.now), server)
