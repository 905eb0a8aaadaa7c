"""Both backends for real, with a clock that is told the time, and ways to make them fail."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias
from unittest.mock import patch

from mayfly_runtime.testing import FakeClock
from mayfly_storage.backends.embedded.backend import open_embedded
from mayfly_storage.backends.embedded.options import EmbeddedOptions, LinkServerOptions
from mayfly_storage.domain.timing import Timing
from tests.prove.store_errors import DiskErrors, WireErrors

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping, Sequence

    from mayfly_storage.backends.aws.clients import Clients
    from mayfly_storage.domain.audio import AudioName, Location
    from mayfly_storage.domain.ports import AudioCatalog, BlobStore
    from mayfly_storage.domain.stores import Backend
    from mayfly_storage.testing.relay import Relay

_SOON = timedelta(minutes=1)


class StoreErrors(Protocol):
    """What a store does wrong while a sweep runs."""

    @property
    def kinds(self) -> Sequence[str]:
        """What it can do wrong."""

    def begin(self, kind: str) -> None:
        """Do it from now on, for a few requests."""

    def calm(self) -> None:
        """Do nothing wrong any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """An opened backend, beside the truth about it."""

    backend: Backend
    errors: StoreErrors
    truth: Mapping[Location, BlobStore]
    """The stores themselves, past every fault: what the auditor looks at."""
    rows: AudioCatalog
    links_end: bool
    """Whether the store turns down links whose time has passed. The emulator of S3 does not; the link says its end."""
    relay: Relay | None = None
    """Before S3; None where no store can be away."""
    collect: Callable[[AudioName], Any] | None = None
    """What the table's TTL does to a row. Blocks. None where there is no TTL."""


OpenSite: TypeAlias = Callable[[FakeClock, Path], AbstractAsyncContextManager[Site]]


@asynccontextmanager
async def embedded_site(clock: FakeClock, folder: Path) -> AsyncIterator[Site]:
    """SQLite and files, and the link server over HTTP."""
    options = EmbeddedOptions(
        data_dir=folder / "data", links=LinkServerOptions(listen="127.0.0.1:0"), headroom_bytes=1024**2
    )
    async with open_embedded(options, timing=Timing(), now=clock.now) as backend:
        location, store = backend.stores.primary, backend.stores.first
        errors = DiskErrors(store.blobs)
        failing = replace(backend.stores, by_location={location: replace(store, blobs=errors)})
        yield Site(
            backend=replace(backend, stores=failing),
            errors=errors,
            truth={location: store.blobs},
            rows=backend.catalog,
            links_end=True,
        )


@asynccontextmanager
async def aws_site(clock: FakeClock, folder: Path) -> AsyncIterator[Site]:
    """S3 and DynamoDB over HTTP (moto's server), S3 behind a relay, and a folder as its fallback."""
    from mayfly_storage.backends.aws.clients import make_clients  # noqa: PLC0415 - boto3 and moto are slow to load
    from mayfly_storage.backends.aws.testing import (  # noqa: PLC0415 - as above
        Wire,
        aws_emulator,
        emulated_options,
        emulated_session,
        open_emulated,
    )
    from mayfly_storage.testing.relay import relay_to  # noqa: PLC0415 - as above

    async with AsyncExitStack() as stack:
        stack.enter_context(_emulated_time(clock))
        url = stack.enter_context(aws_emulator())
        relay = await stack.enter_async_context(relay_to(url))
        # Retries of the SDK wait in real time, which is of no use here.
        options = replace(emulated_options(url), attempts=1)
        truth = await stack.enter_async_context(open_emulated(options, now=clock.now))
        session = emulated_session()
        wire = Wire(session)
        behind = replace(options, s3_endpoint_url=relay.url)
        backend = await stack.enter_async_context(_with_fallback(behind, folder, clock, session))
        raw = make_clients(options, session=emulated_session())
        stack.callback(raw.close)
        local = {place: store.blobs for place, store in backend.stores.by_location.items()}
        yield Site(
            backend=backend,
            errors=WireErrors(wire, endpoint=url),
            truth=local | {truth.stores.primary: truth.stores.first.blobs},
            rows=truth.catalog,
            links_end=False,
            relay=relay,
            collect=_collector(raw, options.table),
        )


def _with_fallback(options: Any, folder: Path, clock: FakeClock, session: Any) -> AbstractAsyncContextManager[Backend]:
    from mayfly_storage.backends.fallback import (  # noqa: PLC0415 - it imports boto3
        FallbackOptions,
        open_aws_with_fallback,
    )

    local = EmbeddedOptions(
        data_dir=folder / "fallback", links=LinkServerOptions(listen="127.0.0.1:0"), headroom_bytes=1024**2
    )
    spare = FallbackOptions(local=local, threshold=3, patience=_SOON)
    return open_aws_with_fallback(options, spare, timing=Timing(), now=clock.now, session=session)


def _collector(raw: Clients, table: str) -> Callable[[AudioName], object]:
    def collect(name: AudioName) -> object:
        key: Any = {"date": {"S": name.date}, "audio_id": {"S": name.audio_id}}
        return raw.dynamodb.delete_item(TableName=table, Key=key)

    return collect


@contextmanager
def _emulated_time(clock: FakeClock) -> Iterator[None]:
    """The emulator's clock goes by the run's: what it dates objects by, and the `Date` of its answers."""

    def date(_handler: object, _timestamp: float | None = None) -> str:
        return formatdate(clock.now().timestamp(), usegmt=True)

    with (
        patch("moto.s3.models.utcnow", lambda: clock.now().replace(tzinfo=None)),
        patch.object(BaseHTTPRequestHandler, "date_time_string", date),
    ):
        yield


SITES: Final[dict[str, OpenSite]] = {"embedded": embedded_site, "aws": aws_site}
