"""The embedded backend, put together: opened in order, closed in reverse."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from mayfly_runtime.addresses import CannotListenError
from mayfly_runtime.offload import Offload
from mayfly_storage.backends.embedded.blobs import FileBlobs
from mayfly_storage.backends.embedded.catalog import Reader, SqliteCatalog
from mayfly_storage.backends.embedded.database import open_for_reading, open_for_writing
from mayfly_storage.backends.embedded.errors import BACKEND
from mayfly_storage.backends.embedded.folder import open_folder
from mayfly_storage.backends.embedded.keys_on_disk import KeyPaths
from mayfly_storage.backends.embedded.link_keys import LinkKeys, keys_from_file
from mayfly_storage.backends.embedded.link_server import Downloads, LinkServer, Uploads, link_app
from mayfly_storage.backends.embedded.link_server.served import Served
from mayfly_storage.backends.embedded.links import HmacLinks
from mayfly_storage.backends.embedded.publishing import Publisher
from mayfly_storage.backends.embedded.staging import Staging
from mayfly_storage.backends.embedded.writer import GroupWriter
from mayfly_storage.domain.audio import Location
from mayfly_storage.domain.ports import Backend, Store, Stores

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
        folder = stack.enter_context(open_folder(options.data_dir))
        catalog = SqliteCatalog(
            write=await _open_writer(stack, folder), read=await _open_reader(stack, folder), timing=timing, now=now
        )
        blobs = await _open_blobs(stack, folder, options, now)
        keys = LinkKeys(options.link_secrets) if options.link_secrets else keys_from_file(folder.link_key)
        app = await _link_app(stack, folder, options, Served(catalog=catalog, blobs=blobs, keys=keys, now=now))
        server = await stack.enter_async_context(LinkServer(app, options.links))
        links = HmacLinks(keys=keys, base_url=_base_url(options, server.address))
        yield _backend(folder, catalog, Store(blobs=blobs, links=links))


def _base_url(options: EmbeddedOptions, address: ListenAddress) -> str:
    if options.link_base_url:
        return options.link_base_url.rstrip("/")
    if address.host in _EVERYWHERE:
        reason = "links cannot begin with an address that means all of them; set the URL by which clients reach it"
        raise CannotListenError(str(address), reason)
    return f"http://{address}"


def _backend(folder: DataFolder, catalog: SqliteCatalog, store: Store) -> Backend:
    stores = Stores(primary=Location.LOCAL, by_location={Location.LOCAL: store})
    return Backend(name=BACKEND, bucket=str(folder.root), region="", catalog=catalog, stores=stores)


async def _open_writer(stack: AsyncExitStack, folder: DataFolder) -> GroupWriter:
    pool = await _pool(stack, "catalog-write", workers=1)
    connection = await pool(open_for_writing, folder.database)
    stack.push_async_callback(pool, connection.close)
    writer = GroupWriter(connection, offload=pool, limit=_WAITING)
    stack.push_async_callback(writer.drain)
    return writer


async def _open_reader(stack: AsyncExitStack, folder: DataFolder) -> Reader:
    pool = await _pool(stack, "catalog-read", workers=1)
    connection = await pool(open_for_reading, folder.database)
    stack.push_async_callback(pool, connection.close)
    return Reader(connection, pool)


async def _open_blobs(
    stack: AsyncExitStack, folder: DataFolder, options: EmbeddedOptions, now: Callable[[], datetime]
) -> FileBlobs:
    paths = KeyPaths(folder.objects)
    publisher = Publisher(paths=paths, staging=folder.staging, headroom_bytes=options.headroom_bytes, now=now)
    pool = await _pool(stack, "files", workers=options.file_workers)
    return FileBlobs(paths=paths, publisher=publisher, offload=pool, now=now)


async def _link_app(stack: AsyncExitStack, folder: DataFolder, options: EmbeddedOptions, served: Served) -> ASGIApp:
    # A pool of their own: guests' transfers must not keep other services waiting for their files.
    pool = await _pool(stack, "link-files", workers=options.file_workers)
    served = replace(served, blobs=replace(served.blobs, offload=pool))
    uploads = Uploads(served=served, staging=Staging(folder.staging, pool), limits=options.links)
    downloads = Downloads(served=served, limits=options.links)
    return link_app(downloads, uploads, max_requests=options.links.max_requests, now=served.now)


async def _pool(stack: AsyncExitStack, name: str, *, workers: int) -> Offload:
    pool = Offload(name=name, workers=workers, queue=_WAITING)
    stack.push_async_callback(pool.shutdown)
    return pool
