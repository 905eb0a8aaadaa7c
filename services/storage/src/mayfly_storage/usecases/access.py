"""Reading: get, list, sign. An expired audio is gone for callers even before any sweep."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mayfly_storage.domain.errors import AudioNotFoundError, CollectionUnknownError, StorageError
from mayfly_storage.domain.links import LimitedBy, LinkWish, SignedUrl, link_end
from mayfly_storage.domain.ports import AudioCatalog, AudioFilter, Page, Stores

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime, timedelta

    from mayfly_storage.domain.audio import Audio, AudioName
    from mayfly_storage.domain.collections import Collections
    from mayfly_storage.domain.privacy import Privacy
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
            replace(wanted, owner=self._owner(wanted, subject)), limit=limit, cursor=cursor
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
    now: Callable[[], datetime]

    async def __call__(
        self, names: Sequence[AudioName], *, ttl: timedelta | None, attachment: bool
    ) -> dict[AudioName, SignedUrl | StorageError]:
        """A link, or why there is none, for each different name."""
        now, rows = self.now(), await self.catalog.get_many(list(dict.fromkeys(names)))
        readable = [audio for audio in rows.values() if audio.is_readable(now)]
        # A collection that is configured no more takes the rest of the batch along otherwise.
        known = [audio for audio in readable if audio.collection in self.collections.by_id]
        signed = await self._sign(known, now, ttl=ttl, attachment=attachment)
        unknown = {audio.name: audio.collection for audio in readable if audio not in known}
        return {name: signed.get(name) or self._refusal(name, unknown) for name in names}

    def _refusal(self, name: AudioName, unknown: Mapping[AudioName, str]) -> StorageError:
        if name in unknown:
            return CollectionUnknownError(unknown[name], self.collections.by_id)
        return AudioNotFoundError(name)

    async def _sign(
        self, audios: Sequence[Audio], now: datetime, *, ttl: timedelta | None, attachment: bool
    ) -> dict[AudioName, SignedUrl]:
        signed: dict[AudioName, SignedUrl] = {}
        for location, store in self.stores.by_location.items():
            here = [audio for audio in audios if audio.location is location]
            ends = [
                link_end(audio, collection=self.collections.get(audio.collection), now=now, ttl=ttl) for audio in here
            ]
            wishes = [
                LinkWish(audio=audio, expire_time=end, attachment=attachment)
                for audio, (end, _) in zip(here, ends, strict=True)
            ]
            urls = await store.links.sign_urls(wishes) if wishes else []
            for audio, (_, limit), url in zip(here, ends, urls, strict=True):
                if url is not None:  # else it ends within this second, and is as good as gone
                    cut = url.limited_by is LimitedBy.CREDENTIALS
                    signed[audio.name] = url if cut else replace(url, limited_by=limit)
        return signed
