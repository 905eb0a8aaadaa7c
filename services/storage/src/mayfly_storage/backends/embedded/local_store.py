"""Bytes in files, and the link server before them: opened in order, closed in reverse."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from mayfly_runtime.addresses import CannotListenError
from mayfly_runtime.http_server import HttpServer
from mayfly_runtime.offload import Offload
from mayfly_storage.backends.embedded.blobs import FileBlobs
from mayfly_storage.backends.embedded.keys_on_disk import KeyPaths
from mayfly_storage.backends.embedded.link_keys import LinkKeys, keys_from_file
from mayfly_storage.backends.embedded.link_server import Downloads, Uploads, link_app
from mayfly_storage.backends.embedded.link_server.served import Served
from mayfly_storage.backends.embedded.links import HmacLinks
from mayfly_storage.backends.embedded.publishing import Publisher
from mayfly_storage.backends.embedded.staging import Staging
from mayfly_storage.domain.stores import Store

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AsyncExitStack
    from datetime import datetime

    from starlette.types import ASGIApp

    from mayfly_runtime.addresses import ListenAddress
    from mayfly_storage.backends.embedded.folder import DataFolder
    from mayfly_storage.backends.embedded.options import EmbeddedOptions
    from mayfly_storage.backends.embedded.shared_folder import SharedFolder
    from mayfly_storage.domain.ports import AudioCatalog
    from mayfly_storage.domain.timing import Timing

WAITING: Final = 1024
"""How much work may wait for a pool: more than all servers together admit, so that it is they who refuse."""

_EVERYWHERE = {"0.0.0.0", "::"}  # noqa: S104 - nothing is bound here


async def open_pool(stack: AsyncExitStack, name: str, *, workers: int) -> Offload:
    """A pool, closed with the stack."""
    pool = Offload(name=name, workers=workers, queue=WAITING)
    stack.push_async_callback(pool.shutdown)
    return pool


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalStore:
    """Where files and their link server are, and which rows decide about them."""

    folder: DataFolder | SharedFolder
    options: EmbeddedOptions
    catalog: AudioCatalog
    timing: Timing
    now: Callable[[], datetime]

    async def open(self, stack: AsyncExitStack) -> Store:
        """Open it; what it opens, the stack closes.

        Raises:
            DataFolderError: If the key of the links cannot be read or made.
            ListenError: If the link server cannot listen at its address.
        """
        secrets = self.options.link_secrets
        keys = LinkKeys(secrets) if secrets else keys_from_file(self.folder.link_key)
        blobs = await self._blobs(stack)
        traffic: Counter[tuple[str, int]] = Counter()
        served = Served(catalog=self.catalog, blobs=blobs, keys=keys, now=self.now)
        app = await self._link_app(stack, served, traffic)
        server = await stack.enter_async_context(HttpServer(app, self.options.links.http_options()))
        links = HmacLinks(keys=keys, base_url=_base_url(self.options, server.address), now=self.now)
        return Store(blobs=blobs, links=links, traffic=traffic)

    async def _blobs(self, stack: AsyncExitStack) -> FileBlobs:
        paths = KeyPaths(self.folder.objects)
        publisher = Publisher(
            paths=paths, staging=self.folder.staging, headroom_bytes=self.options.headroom_bytes, now=self.now
        )
        pool = await open_pool(stack, "files", workers=self.options.file_workers)
        return FileBlobs(paths=paths, publisher=publisher, offload=pool, now=self.now)

    async def _link_app(self, stack: AsyncExitStack, served: Served, traffic: Counter[tuple[str, int]]) -> ASGIApp:
        # A pool of their own: guests' transfers must not keep other services waiting for their files.
        pool = await open_pool(stack, "link-files", workers=self.options.file_workers)
        served = replace(served, blobs=replace(served.blobs, offload=pool))
        limits = self.options.links
        # Tombstones go when no late PUT can land any more, so none may take longer.
        in_time = replace(limits, transfer_timeout=min(limits.transfer_timeout, self.timing.late_put_bound))
        uploads = Uploads(served=served, staging=Staging(self.folder.staging, pool), limits=in_time)
        downloads = Downloads(served=served, limits=limits)
        return link_app(downloads, uploads, max_requests=limits.max_requests, now=self.now, traffic=traffic)


def _base_url(options: EmbeddedOptions, address: ListenAddress) -> str:
    if options.link_base_url:
        return options.link_base_url.rstrip("/")
    if address.host in _EVERYWHERE:
        reason = "links cannot begin with an address that means all of them; set the URL by which clients reach it"
        raise CannotListenError(str(address), reason)
    return f"http://{address}"
