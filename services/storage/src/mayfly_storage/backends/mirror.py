"""A second bucket beside the first one, which gets a copy of what is READY."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from mayfly_storage.backends.aws.backend import open_bucket
from mayfly_storage.domain.audio import Location

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime

    import boto3

    from mayfly_storage.backends.aws.options import AwsOptions
    from mayfly_storage.domain.stores import Backend


@asynccontextmanager
async def with_mirror(
    opening: AbstractAsyncContextManager[Backend],
    options: AwsOptions,
    *,
    now: Callable[[], datetime],
    session: boto3.Session | None = None,
) -> AsyncIterator[Backend]:
    """A backend, and the mirror's bucket as one more of its stores.

    Args:
        opening: What opens the backend.
        options: Where the mirror's bucket is.
        now: The clock.
        session: Carries the mirror's credentials; by default boto3's own chain of them.
    """
    async with AsyncExitStack() as stack:
        backend = await stack.enter_async_context(opening)
        mirror = await open_bucket(stack, options, now=now, session=session, location=Location.MIRROR)
        stores = replace(backend.stores, by_location={**backend.stores.by_location, Location.MIRROR: mirror})
        yield replace(backend, stores=stores)
