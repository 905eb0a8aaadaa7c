"""Storage with one fault that breaks a promise: what shows that the auditor would see it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from mayfly_storage.domain.ports import BlobTarget, DeleteOutcome

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from datetime import datetime
    from pathlib import Path

    from mayfly_runtime.testing import FakeClock
    from mayfly_storage.domain.audio import Audio, AudioName
    from mayfly_storage.domain.ports import AudioCatalog, BlobStore
    from tests.prove.site import OpenSite, Site


class _Around:
    """All that is not said otherwise is the port's."""

    def __init__(self, port: Any) -> None:
        self._port = port

    def __getattr__(self, name: str) -> Any:
        return getattr(self._port, name)


class ForgetsDeletions(_Around):
    """A store that says of every third key that it is deleted, and that it is not there; and keeps it."""

    def _forgets(self, key: str) -> bool:
        return sum(key.encode()) % 3 == 0

    async def delete_many(self, targets: Sequence[BlobTarget]) -> list[DeleteOutcome]:
        """Most of it."""
        meant = [target for target in targets if not self._forgets(target.key)]
        outcomes = dict(zip(meant, await self._port.delete_many(meant) if meant else [], strict=True))
        return [outcomes.get(target, DeleteOutcome.DELETED) for target in targets]

    async def present(self, keys: Sequence[str]) -> set[str]:
        """All but those."""
        return {key for key in await self._port.present(keys) if not self._forgets(key)}

    async def list_blobs(self, prefix: str, *, limit: int, cursor: str = "") -> Any:
        """And so says its listing."""
        page = await self._port.list_blobs(prefix, limit=limit, cursor=cursor)
        return replace(page, blobs=tuple(blob for blob in page.blobs if not self._forgets(blob.key)))


class LosesBytes(_Around):
    """A store that takes every third audio, says so, and has nothing."""

    async def put_file(self, key: str, path: Path, facts: Any) -> Any:
        """Put it; and lose it."""
        stored = await self._port.put_file(key, path, facts)
        if sum(key.encode()) % 3 == 0:
            await self._port.delete_many([BlobTarget(key=key)])
        return stored


class KnowsNoEnd(_Around):
    """A catalog whose rows never expire, for who reads them: the sweep alone would end what can be read."""

    def __init__(self, port: Any) -> None:
        super().__init__(port)
        self._ends: dict[AudioName, datetime | None] = {}

    async def get_many(self, names: Sequence[AudioName]) -> dict[AudioName, Audio]:
        """Rows without their end."""
        rows = await self._port.get_many(names)
        self._ends |= {name: row.expire_time for name, row in rows.items()}
        return {name: replace(row, expire_time=None) for name, row in rows.items()}

    async def begin_delete(self, audios: Sequence[Audio], *args: Any, **named: Any) -> Any:
        """As it is: who has read the row means that one."""
        return await self._port.begin_delete([self._true(audio) for audio in audios], *args, **named)

    async def retain(self, audio: Audio, expire_time: datetime) -> Audio:
        """The same."""
        kept: Audio = await self._port.retain(self._true(audio), expire_time)
        return kept

    def _true(self, audio: Audio) -> Audio:
        return replace(audio, expire_time=self._ends.get(audio.name, audio.expire_time))


def with_blobs(opened: OpenSite, wrap: Callable[[BlobStore], Any]) -> OpenSite:
    """A site whose first store is another."""

    @asynccontextmanager
    async def site(clock: FakeClock, folder: Path) -> AsyncIterator[Site]:
        async with opened(clock, folder) as found:
            stores = found.backend.stores
            first = replace(stores.first, blobs=wrap(stores.first.blobs))
            by_location = {**stores.by_location, stores.primary: first}
            yield replace(found, backend=replace(found.backend, stores=replace(stores, by_location=by_location)))

    return site


def with_catalog(opened: OpenSite, wrap: Callable[[AudioCatalog], Any]) -> OpenSite:
    """A site whose rows are told otherwise."""

    @asynccontextmanager
    async def site(clock: FakeClock, folder: Path) -> AsyncIterator[Site]:
        async with opened(clock, folder) as found:
            yield replace(found, backend=replace(found.backend, catalog=wrap(found.backend.catalog)))

    return site


SABOTAGES: Final[dict[str, tuple[str, Callable[[OpenSite], OpenSite]]]] = {
    "forgets-deletions": ("left", lambda opened: with_blobs(opened, ForgetsDeletions)),
    "loses-bytes": ("lost", lambda opened: with_blobs(opened, LosesBytes)),
    "knows-no-end": ("readable", lambda opened: with_catalog(opened, KnowsNoEnd)),
}
"""Each with the promise that it breaks."""
