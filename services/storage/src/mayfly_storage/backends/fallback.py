"""S3 with a folder beside it, which takes new audio while S3 does not. Rows stay in DynamoDB."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mayfly_storage.backends.aws.backend import open_aws
from mayfly_storage.backends.embedded.local_store import LocalStore
from mayfly_storage.backends.embedded.shared_folder import open_shared_folder
from mayfly_storage.backends.watched import WatchedBlobs
from mayfly_storage.domain.audio import Location
from mayfly_storage.domain.fallback import Fallback
from mayfly_storage.domain.stores import Stores

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from datetime import datetime, timedelta

    import boto3

    from mayfly_storage.backends.aws.options import AwsOptions
    from mayfly_storage.backends.embedded.options import EmbeddedOptions
    from mayfly_storage.domain.stores import Backend
    from mayfly_storage.domain.timing import Timing


@dataclass(frozen=True, slots=True, kw_only=True)
class FallbackOptions:
    """The folder, and when it is used."""

    local: EmbeddedOptions
    """Its `data_dir` is the folder, which all replicas share."""
    threshold: int
    patience: timedelta
    forced: bool = False


@asynccontextmanager
async def open_aws_with_fallback(
    options: AwsOptions,
    spare: FallbackOptions,
    *,
    timing: Timing,
    now: Callable[[], datetime],
    session: boto3.Session | None = None,
) -> AsyncIterator[Backend]:
    """Open both, and the link server before the folder.

    Raises:
        DataFolderError: If the folder cannot be used.
        ListenError: If the link server cannot listen at its address.
    """
    async with AsyncExitStack() as stack:
        backend = await stack.enter_async_context(open_aws(options, timing=timing, now=now, session=session))
        folder = stack.enter_context(open_shared_folder(spare.local.data_dir))
        files = LocalStore(folder=folder, options=spare.local, catalog=backend.catalog, timing=timing, now=now)
        local = await files.open(stack)
        fallback = Fallback(
            location=Location.LOCAL,
            now=now,
            threshold=spare.threshold,
            patience=spare.patience,
            forced=spare.forced,
        )
        s3 = backend.stores.first
        watched = replace(s3, blobs=WatchedBlobs(blobs=s3.blobs, fallback=fallback))
        stores = Stores(
            primary=Location.S3, by_location={Location.S3: watched, Location.LOCAL: local}, fallback=fallback
        )
        yield replace(backend, stores=stores, folder=folder.identity)
