"""Looks at everything that is stored, and compares it with what was promised."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from mayfly_storage.domain.audio import State
from mayfly_storage.domain.errors import AudioNotFoundError, BackendUnavailableError
from mayfly_storage.domain.links import SignedUrl
from mayfly_storage.domain.ports import AudioFilter
from tests.prove.ledger import Sample

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable, Mapping

    import httpx

    from mayfly_runtime.testing import FakeClock
    from mayfly_storage.domain.audio import Audio, AudioName, Location
    from mayfly_storage.domain.ports import StoredBlob
    from mayfly_storage.testing.reference import Kept
    from mayfly_storage.usecases.assembly import StorageUseCases, World
    from tests.prove.ledger import Ledger
    from tests.prove.site import Site

_PAGE = 1_000
_RECENT = timedelta(hours=2)
_OLD = 60
"""How many of those that ended longer ago are asked for at each tick."""
_SIGNED = re.compile(r"X-Amz-Date=(\d{8}T\d{6}Z).*?X-Amz-Expires=(\d+)")


class Auditor:
    """Examines at each tick, and at each end."""

    def __init__(
        self,
        *,
        site: Site,
        world: World,
        storage: StorageUseCases,
        clock: FakeClock,
        ledger: Ledger,
        chance: random.Random,
        http: httpx.AsyncClient,
    ) -> None:
        """Take what is looked at, and what was promised."""
        self._site = site
        self._world = world
        self._storage = storage
        self._clock = clock
        self._ledger = ledger
        self._chance = chance
        self._http = http
        self._links: dict[AudioName, str] = {}
        """A link to each audio, from its last moment."""

    async def tick(self) -> None:
        """Look at all objects, all links and (in full) at some bytes."""
        now = self._clock.now()
        self._ledger.expire(now)
        readable = self._ledger.readable(now)
        objects = await self._objects()
        await self._nothing_is_lost(readable, objects)
        await self._nothing_ended_is_readable()
        waiting, left = await self._nothing_stays(readable, objects)
        gone = len(self._ledger.ended) - left
        self._ledger.samples.append(Sample(time=now, readable=len(readable), waiting=waiting, gone=gone))
        for name in self._chance.sample(sorted(readable), min(2, len(readable))):
            await self._read_all(readable[name])

    async def before_the_end(self, name: AudioName) -> None:
        """A second before: all of it can still be read, and so says a link."""
        kept = self._ledger.readable(self._clock.now()).get(name)
        if kept is None:
            return
        await self._read_all(kept)
        link = (await self._storage.sign_urls([name], ttl=None, attachment=False))[name]
        end = kept.audio.expire_time
        if isinstance(link, SignedUrl) and end is not None:
            self._links[name] = link.url
            self._link_ends_in_time(link, end)

    async def at_the_end(self, name: AudioName) -> None:
        """On the second: nobody can read it, and no link that was given out before leads to it."""
        self._ledger.expire(self._clock.now())
        if name not in self._ledger.ended:
            return  # it was kept longer
        self._ledger.checked["ends, to the second"] += 1
        await self._is_not_readable(name)
        if (url := self._links.pop(name, None)) is not None and self._site.links_end:
            answer = await self._http.get(url)
            if answer.is_success:
                self._break("readable", f"an old link to {name} still gives it")

    def _link_ends_in_time(self, link: SignedUrl, end: datetime) -> None:
        """What it says, and what its signature lets the store do."""
        self._ledger.checked["links"] += 1
        signed = _SIGNED.search(link.url)
        ends = [link.expire_time]
        if signed is not None:
            begun = datetime.strptime(signed[1], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
            ends.append(begun + timedelta(seconds=int(signed[2])))
        if max(ends) > end:
            self._break("readable", f"a link lives until {max(ends)}, its audio until {end}")

    async def _read_all(self, kept: Kept) -> None:
        """The bytes, by the RPC."""
        self._ledger.checked["audio read in full"] += 1
        try:
            audio = await self._storage.get_audio(kept.audio.name)
            body = b"".join([piece async for piece in self._storage.read_audio(audio, offset=0, limit=0)])
        except BackendUnavailableError:
            self._ledger.checked["audio that could not be read while its store was away"] += 1
        except AudioNotFoundError:
            self._break("lost", f"{kept.audio.name} cannot be read; it may be until {kept.audio.expire_time}")
        else:
            if hashlib.sha256(body).digest() != kept.audio.sha256 or body != kept.body:
                self._break("lost", f"{kept.audio.name} has other bytes")

    async def _nothing_is_lost(
        self, readable: Mapping[AudioName, Kept], objects: Mapping[tuple[Location, str], StoredBlob]
    ) -> None:
        links = await self._sign(readable)
        self._ledger.checked["audio found, with a link"] += len(readable)
        for name, kept in readable.items():
            link = links[name]
            if isinstance(link, SignedUrl):
                self._link_ends_in_time(link, kept.audio.expire_time or link.expire_time)
            elif not _ends_at_once(kept.audio, self._clock.now()):
                self._break("lost", f"{name} has no link: {type(link).__name__}")
            if (kept.audio.location, kept.audio.object_key) not in objects:
                self._break("lost", f"{name} has no bytes in {kept.audio.location}")

    async def _nothing_ended_is_readable(self) -> None:
        now = self._clock.now()
        recent = [name for name, ended in self._ledger.ended.items() if ended >= now - _RECENT]
        old = [name for name, ended in self._ledger.ended.items() if ended < now - _RECENT]
        asked = [*recent, *self._chance.sample(sorted(old), min(_OLD, len(old)))]
        links = await self._sign(asked)
        self._ledger.checked["audio found to be unreadable"] += len(links)
        for name, link in links.items():
            if isinstance(link, SignedUrl):
                self._break("readable", f"{name} ended at {self._ledger.ended[name]} and has a link")

    async def _sign(self, names: Iterable[AudioName]) -> dict[AudioName, object]:
        listed = list(names)
        links: dict[AudioName, object] = {}
        for start in range(0, len(listed), _PAGE):
            links |= await self._storage.sign_urls(listed[start : start + _PAGE], ttl=None, attachment=False)
        return links

    async def _is_not_readable(self, name: AudioName) -> None:
        try:
            audio = await self._storage.get_audio(name)
        except AudioNotFoundError:
            pass
        else:
            self._break(
                "readable", f"{name} ended at {self._ledger.ended[name]} and is answered until {audio.expire_time}"
            )
        if isinstance((await self._sign([name]))[name], SignedUrl):
            self._break("readable", f"{name} ended at {self._ledger.ended[name]} and has a link")

    async def _objects(self) -> dict[tuple[Location, str], StoredBlob]:
        found: dict[tuple[Location, str], StoredBlob] = {}
        for location, store in self._site.truth.items():
            for prefix in self._world.collections.prefixes:
                cursor, more = "", True
                while more:
                    page = await store.list_blobs(prefix, limit=_PAGE, cursor=cursor)
                    found |= {(location, blob.key): blob for blob in page.blobs}
                    cursor, more = page.cursor, bool(page.cursor)
        return found

    async def _nothing_stays(
        self, readable: Mapping[AudioName, Kept], objects: Mapping[tuple[Location, str], StoredBlob]
    ) -> tuple[int, int]:
        """How many objects wait for the sweep, and how many of them somebody was told of."""
        live = {(kept.audio.location, kept.audio.object_key) for kept in readable.values()}
        rest = [place for place in objects if place not in live]
        rows = await self._rows()
        owners = {(row.location, row.object_key): row for row in rows}
        now, waiting = self._clock.now(), 0
        for place in rest:
            due = self._due(objects[place], owners.get(place))
            waiting += due <= now
            if self._ledger.is_overdue(due, now):
                self._break("left", f"bytes at {place[1]} in {place[0]} should be gone since {due}")
        self._ledger.checked["objects compared"] += len(objects)
        for row in rows:
            self._look_at_row(row, now)
        return waiting, len(self._ledger.ended_keys.keys() & {key for _, key in rest})

    def _due(self, blob: StoredBlob, row: Audio | None) -> datetime:
        """From when on a sweep has to take an object that no caller can read."""
        timing = self._world.timing
        if row is None:
            orphaned = blob.modified_time + timing.orphan_grace
            return max(orphaned, self._ledger.ended_keys.get(blob.key, orphaned))
        if row.state is State.DELETING:
            # Its bytes may have come after it was deleted: a late PUT.
            late = blob.modified_time > (row.delete_time or blob.modified_time)
            return timing.settled_time(row) if late or row.bytes_gone else row.delete_time or blob.modified_time
        due = timing.due_time(row)
        return due if due is not None else self._clock.now()

    def _look_at_row(self, row: Audio, now: datetime) -> None:
        if row.state is State.DELETING and (row.text or row.owner or row.ip_address):
            self._break("left", f"the row of {row.name} still has what is personal")
        due = self._world.timing.due_time(row)
        if due is None or (row.state is State.READY and row.is_readable(now)):
            return
        if self._ledger.is_overdue(max(due, self._world.timing.settled_time(row)), now):
            self._break("left", f"the row of {row.name} ({row.state}) should be gone since {due}")

    async def _rows(self) -> list[Audio]:
        rows: list[Audio] = []
        cursor, more = "", True
        while more:
            page = await self._site.rows.list_audio(AudioFilter(), limit=_PAGE, cursor=cursor)
            rows += page.items
            cursor, more = page.cursor, bool(page.cursor)
        return rows

    def _break(self, promise: str, what: str) -> None:
        self._ledger.break_promise(promise, self._clock.now(), what)


def _ends_at_once(audio: Audio, now: datetime) -> bool:
    """Links live a second at least."""
    return audio.expire_time is not None and audio.expire_time - now < timedelta(seconds=1)
