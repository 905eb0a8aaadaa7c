"""Reading: get, list, sign. An expired audio is gone for callers even before any sweep."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mayfly_storage.domain.errors import AudioNotFoundError, CollectionUnknownError, StorageError
from mayfly_storage.domain.links import LinkWish, SignedUrl, link_term
from mayfly_storage.domain.ports import AudioCatalog, AudioFilter, Page

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime, timedelta

    from mayfly_storage.domain.audio import Audio, AudioName, Location
    from mayfly_storage.domain.collections import Collections
    from mayfly_storage.domain.links import LinkTerm
    from mayfly_storage.domain.privacy import Privacy
    from mayfly_storage.domain.stores import Stores
    from mayfly_storage.domain.uploads import Subject


@dataclass(frozen=True, slots=True, kw_only=True)
class GetAudio:
    """One readable audio by name."""

    catalog: AudioCatalog
    now: Callable[[], datetime]

    async def __call__(self, name: AudioName) -> Audio:
        """The audio. Raises AudioNotFoundError."""
        audio = (await self.catalog.get_many([name])).get(name)
        if audio is None or not audio.is_readable(self.now()):
            raise AudioNotFoundError(name)
        return audio


@dataclass(frozen=True, slots=True, kw_only=True)
class ListAudio:
    """Readable audio, page by page."""

    catalog: AudioCatalog
    collections: Collections
    privacy: Privacy
    now: Callable[[], datetime]

    async def __call__(self, wanted: AudioFilter, *, subject: Subject | None, limit: int, cursor: str) -> Page[Audio]:
        """One page; it may hold fewer than `limit`, or none, although there are more."""
        if wanted.collection:
            self.collections.get(wanted.collection)
        page = await self.catalog.list_audio(
            replace(wanted, owner=self._owner(wanted, subject), ready=True), limit=limit, cursor=cursor
        )
        now = self.now()
        return Page(items=tuple(audio for audio in page.items if audio.is_readable(now)), cursor=page.cursor)

    def _owner(self, wanted: AudioFilter, subject: Subject | None) -> str:
        # A guest's hash changes every day: without a date, today's audio of the guest is meant.
        day = self.now()
        if wanted.date:
            year, month, number = map(int, wanted.date.split("-"))
            day = day.replace(year=year, month=month, day=number)
        return self.privacy.owner(subject, day)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignUrls:
    """Links for many names, an answer or an error for each."""

    catalog: AudioCatalog
    stores: Stores
    collections: Collections
    window: timedelta
    """For how long a link is the same, at most."""
    now: Callable[[], datetime]

    async def __call__(
        self, names: Sequence[AudioName], *, ttl: timedelta | None, attachment: bool
    ) -> dict[AudioName, SignedUrl | StorageError]:
        """A link, or why there is none, for each different name: one read of the rows, one batch for each store."""
        self.stores.require_right_clock()
        distinct = list(dict.fromkeys(names))
        now, rows = self.now(), await self.catalog.get_many(distinct)
        outcomes: dict[AudioName, SignedUrl | StorageError] = {}
        wishes: defaultdict[Location, list[LinkWish]] = defaultdict(list)
        terms = {c.id: link_term(c, now=now, ttl=ttl, window=self.window) for c in self.collections.by_id.values()}
        for name in distinct:
            audio = rows.get(name)
            if audio is None or not audio.is_readable(now) or audio.location not in self.stores.by_location:
                outcomes[name] = AudioNotFoundError(name)
            # A collection that is configured no more takes the rest of the batch along otherwise.
            elif (longest := terms.get(audio.collection)) is None:
                outcomes[name] = CollectionUnknownError(audio.collection, self.collections.by_id)
            else:
                wishes[audio.location].append(_wish(audio, longest.until(audio.expire_time), attachment=attachment))
        for location, batch in wishes.items():
            links = await self.stores.by_location[location].links.sign_urls(batch)
            for wish, link in zip(batch, links, strict=True):
                # One that ends within this second is as good as gone.
                outcomes[wish.audio.name] = link or AudioNotFoundError(wish.audio.name)
        return outcomes


def _wish(audio: Audio, term: LinkTerm, *, attachment: bool) -> LinkWish:
    return LinkWish(
        audio=audio, begin=term.begin, expire_time=term.end, limited_by=term.limited_by, attachment=attachment
    )
