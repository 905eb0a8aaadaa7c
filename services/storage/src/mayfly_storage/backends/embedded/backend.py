"""The embedded backend, put together: opened in order, closed in reverse."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mayfly_runtime.addresses import CannotListenError
from mayfly_runtime.offload import Offload
from mayfly_storage.backends.embedded.blobs import FileBlobs
from mayfly_storage.backends.embedded.catalog import SqliteCatalog
from mayfly_storage.backends.embedded.certificates import SqliteCertificates
from mayfly_storage.backends.embedded.database import open_for_reading, open_for_writing
from mayfly_storage.backends.embedded.errors import BACKEND
from mayfly_storage.backends.embedded.folder import open_folder
from mayfly_storage.backends.embedded.keys_on_disk import KeyPaths
from mayfly_storage.backends.embedded.link_keys import LinkKeys, keys_from_file
from mayfly_storage.backends.embedded.link_server import Downloads, LinkServer, Uploads, link_app
from mayfly_storage.backends.embedded.link_server.served import Served
from mayfly_storage.backends.embedded.links import HmacLinks
from mayfly_storage.backends.embedded.publishing import Publisher
from mayfly_storage.backends.embedded.reader import Reader
from mayfly_storage.backends.embedded.staging import Staging
from mayfly_storage.backends.embedded.writer import GroupWriter
from mayfly_storage.domain.audio import Location
from mayfly_storage.domain.stores import Backend, Store, Stores

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from datetime import datetime

    from starlette.types import ASGIApp

    from mayfly_runtime.addresses import ListenAddress
    from mayfly_storage.backends.embedded.folder import DataFolder
    from mayfly_storage.backends.embedded.options import EmbeddedOptions
    from mayfly_storage.domain.timing import Timing

_WAITING = 1024
"""How much work may wait for a pool: more than all servers together admit, so that it is they who refuse."""

_EVERYWHERE = {"0.0.0.0", "::"}  # noqa: S104 - nothing is bound here


@asynccontextmanager
async def open_embedded(
    options: EmbeddedOptions, *, timing: Timing, now: Callable[[], datetime]
) -> AsyncIterator[Backend]:
    """Open the data folder and start the link server.

    Args:
        options: Where things are, and how much is allowed.
        timing: When rows are due.
        now: The clock of rows, files and links.

    Raises:
        DataFolderError: If the folder cannot be used: no folder, not writable, in use, of a newer version.
        ListenError: If the link server cannot listen at its address.
    """
    async with AsyncExitStack() as stack:
        # Nothing is served yet, so a few looks at the disk may block.
        folder = stack.enter_context(open_folder(options.data_dir))
        opening = _Opening(stack=stack, folder=folder, options=options, timing=timing, now=now)
        catalog, blobs = await opening.catalog(), await opening.blobs()
        certificates = SqliteCertificates(
            read=catalog.read, write=catalog.write, lifetime=timing.certificate_lifetime, now=now
        )
        keys = LinkKeys(options.link_secrets) if options.link_secrets else keys_from_file(folder.link_key)
        app = await opening.link_app(Served(catalog=catalog, blobs=blobs, keys=keys, now=now))
        server = await stack.enter_async_context(LinkServer(app, options.links))
        links = HmacLinks(keys=keys, base_url=_base_url(options, server.address), now=now)
        stores = Stores(primary=Location.LOCAL, by_location={Location.LOCAL: Store(blobs=blobs, links=links)})
        yield Backend(
            name=BACKEND,
            bucket=folder.root.name,
            region="",
            catalog=catalog,
            stores=stores,
            certificates=certificates,
        )


def _base_url(options: EmbeddedOptions, address: ListenAddress) -> str:
    if options.link_base_url:
        return options.link_base_url.rstrip("/")
    if address.host in _EVERYWHERE:
        reason = "links cannot begin with an address that means all of them; set the URL by which clients reach it"
        raise CannotListenError(str(address), reason)
    return f"http://{address}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Opening:
    """Opens part after part; what it opens, the stack closes."""

    stack: AsyncExitStack
    folder: DataFolder
    options: EmbeddedOptions
    timing: Timing
    now: Callable[[], datetime]

    async def catalog(self) -> SqliteCatalog:
        writing = await self._pool("catalog-write", workers=1)
        connection = await writing(open_for_writing, self.folder.database)
        self.stack.push_async_callback(writing, connection.close)
        writer = GroupWriter(connection, offload=writing, limit=_WAITING)
        self.stack.push_async_callback(writer.drain)
        reading = await self._pool("catalog-read", workers=1)
        connection = await reading(open_for_reading, self.folder.database)
        self.stack.push_async_callback(reading, connection.close)
        reader = Reader(connection, offload=reading, limit=_WAITING)
        return SqliteCatalog(write=writer, read=reader, timing=self.timing, now=self.now)

    async def blobs(self) -> FileBlobs:
        paths = KeyPaths(self.folder.objects)
        publisher = Publisher(
            paths=paths, staging=self.folder.staging, headroom_bytes=self.options.headroom_bytes, now=self.now
        )
        pool = await self._pool("files", workers=self.options.file_workers)
        return FileBlobs(paths=paths, publisher=publisher, offload=pool, now=self.now)

    async def link_app(self, served: Served) -> ASGIApp:
        # A pool of their own: guests' transfers must not keep other services waiting for their files.
        pool = await self._pool("link-files", workers=self.options.file_workers)
        served = replace(served, blobs=replace(served.blobs, offload=pool))
        limits = self.options.links
        # Tombstones go when no late PUT can land any more, so none may take longer.
        in_time = replace(limits, transfer_timeout=min(limits.transfer_timeout, self.timing.late_put_bound))
        uploads = Uploads(served=served, staging=Staging(self.folder.staging, pool), limits=in_time)
        downloads = Downloads(served=served, limits=limits)
        return link_app(downloads, uploads, max_requests=limits.max_requests, now=self.now)

    async def _pool(self, name: str, *, workers: int) -> Offload:
        pool = Offload(name=name, workers=workers, queue=_WAITING)
        self.stack.push_async_callback(pool.shutdown)
        return pool
