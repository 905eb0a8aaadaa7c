"""Replicas of storage over an emulated S3 with a folder beside it, in one process."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from mayfly_storage.agreement import agree_on_folder
from mayfly_storage.backends.aws.clients import make_clients
from mayfly_storage.backends.aws.provision import ensure_bucket_and_table
from mayfly_storage.backends.aws.testing import emulated_session
from mayfly_storage.backends.embedded.options import EmbeddedOptions, LinkServerOptions
from mayfly_storage.backends.fallback import FallbackOptions, open_aws_with_fallback
from mayfly_storage.domain.timing import Timing
from mayfly_storage.testing.stage import Stage
from mayfly_storage.usecases.assembly import RetentionUseCases, StorageUseCases

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import boto3

    from mayfly_runtime.testing import FakeClock
    from mayfly_storage.backends.aws.options import AwsOptions
    from mayfly_storage.domain.audio import Audio
    from mayfly_storage.domain.stores import Backend

SOON: Final = timedelta(seconds=20)
_TIMING: Final = Timing()
_USUAL: Final[dict[str, Any]] = {"threshold": 3, "patience": SOON}


class Replica:
    """A process's worth of storage, without the process."""

    def __init__(self, backend: Backend, clock: FakeClock, timing: Timing) -> None:
        """Take what it has opened, and the time."""
        self.backend = backend
        self.stage = Stage()
        """Whose wishes are used."""
        self.world = replace(self.stage.world, backend=backend, now=clock.now, timing=timing)
        self.storage = StorageUseCases.over(self.world)
        self.retention = RetentionUseCases.over(self.world)

    async def saved(self, file: Path, **facts: Any) -> Audio:
        """A READY audio whose bytes went through storage."""
        return await self.storage.store_file(self.stage.wish(**facts), file)

    async def url(self, audio: Audio) -> str:
        """A link to it."""
        [link] = (await self.storage.sign_urls([audio.name], ttl=None, attachment=False)).values()
        return str(getattr(link, "url"))  # noqa: B009 - an outcome may be an exception


@asynccontextmanager
async def open_replica(
    options: AwsOptions,
    folder: Path,
    clock: FakeClock,
    *,
    session: boto3.Session | None = None,
    timing: Timing = _TIMING,
    **spare: Any,
) -> AsyncIterator[Replica]:
    """A replica that has agreed with the others on the fallback's folder. `spare` changes FallbackOptions."""
    local = EmbeddedOptions(data_dir=folder, links=LinkServerOptions(listen="127.0.0.1:0"))
    fallback = FallbackOptions(local=local, **(_USUAL | spare))
    session = session or emulated_session()
    async with open_aws_with_fallback(options, fallback, timing=timing, now=clock.now, session=session) as backend:
        await agree_on_folder(backend)
        yield Replica(backend, clock, timing)


def provision(options: AwsOptions) -> None:
    """Make the bucket and the table. Blocks."""
    clients = make_clients(options, session=emulated_session())
    ensure_bucket_and_table(clients, options)
    clients.close()
