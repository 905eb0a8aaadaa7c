"""An emulated AWS, the wire to it, and a backend that is opened on it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from mayfly_runtime.testing import FakeClock
from mayfly_storage.backends.aws.clients import make_clients
from mayfly_storage.backends.aws.provision import changes
from mayfly_storage.backends.aws.testing import Wire, emulated_options, emulated_session, open_emulated
from mayfly_storage.testing import an_audio
from mayfly_storage.testing.examining import WISHES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    import boto3

    from mayfly_storage.backends.aws.clients import Clients
    from mayfly_storage.backends.aws.options import AwsOptions
    from mayfly_storage.domain.audio import Audio
    from mayfly_storage.domain.stores import Backend


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(datetime.now(UTC))


@pytest.fixture
def session() -> boto3.Session:
    return emulated_session()


@pytest.fixture
def wire(session: boto3.Session) -> Wire:
    return Wire(session)


@pytest.fixture
def options(aws_url: str) -> AwsOptions:
    return emulated_options(aws_url)


@pytest.fixture
async def backend(options: AwsOptions, session: boto3.Session, clock: FakeClock, wire: Wire) -> AsyncIterator[Backend]:
    async with open_emulated(options, now=clock.now, session=session) as opened:
        wire.forget()
        yield opened


@pytest.fixture
def raw(options: AwsOptions) -> Iterator[Clients]:
    """boto3 itself, beside the backend: what others see, unseen by the wire."""
    clients = make_clients(options, session=emulated_session())
    yield clients
    clients.close()


@pytest.fixture
def provisioned(raw: Clients, options: AwsOptions) -> Clients:
    """The same, of a store that is as storage wishes it."""
    list(changes(raw, options, WISHES))
    return raw


@pytest.fixture
def audio(backend: Backend, clock: FakeClock) -> Audio:
    """A new audio that belongs here and now."""
    return an_audio(create_time=clock.now(), location=backend.stores.primary)


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """For what takes those that boto3 finds by itself."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "made-up")
