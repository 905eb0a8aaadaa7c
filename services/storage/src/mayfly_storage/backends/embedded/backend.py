"""The embedded backend, put together: opened in order, closed in reverse."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from mayfly_storage.backends.embedded.catalog import SqliteCatalog
from mayfly_storage.backends.embedded.certificates import SqliteCertificates
from mayfly_storage.backends.embedded.database import open_for_reading, open_for_writing
from mayfly_storage.backends.embedded.errors import BACKEND
from mayfly_storage.backends.embedded.folder import open_folder, require_catalog
from mayfly_storage.backends.embedded.local_store import WAITING, LocalStore, open_pool
from mayfly_storage.backends.embedded.reader import Reader
from mayfly_storage.backends.embedded.writer import GroupWriter
from mayfly_storage.domain.audio import Location
from mayfly_storage.domain.stores import Backend, Stores

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from datetime import datetime

    from mayfly_storage.backends.embedded.folder import DataFolder
    from mayfly_storage.backends.embedded.options import EmbeddedOptions
    from mayfly_storage.domain.timing import Timing


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
        require_catalog(folder)
        catalog = await _open_catalog(stack, folder, timing=timing, now=now)
        certificates = SqliteCertificates(
            read=catalog.read, write=catalog.write, lifetime=timing.certificate_lifetime, now=now
        )
        local = LocalStore(folder=folder, options=options, catalog=catalog, timing=timing, now=now)
        yield Backend(
            name=BACKEND,
            bucket=folder.root.name,
            region="",
            catalog=catalog,
            stores=Stores(primary=Location.LOCAL, by_location={Location.LOCAL: await local.open(stack)}),
            certificates=certificates,
        )


async def _open_catalog(
    stack: AsyncExitStack, folder: DataFolder, *, timing: Timing, now: Callable[[], datetime]
) -> SqliteCatalog:
    writing = await open_pool(stack, "catalog-write", workers=1)
    connection = await writing(open_for_writing, folder.database)
    stack.push_async_callback(writing, connection.close)
    writer = GroupWriter(connection, offload=writing, limit=WAITING)
    stack.push_async_callback(writer.drain)
    reading = await open_pool(stack, "catalog-read", workers=1)
    connection = await reading(open_for_reading, folder.database)
    stack.push_async_callback(reading, connection.close)
    reader = Reader(connection, offload=reading, limit=WAITING)
    return SqliteCatalog(write=writer, read=reader, timing=timing, now=now)
