"""How long a link may live: never longer than the audio, the policy or the credentials that sign it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mayfly_storage.domain.audio import Audio
    from mayfly_storage.domain.collections import Collection


MAX_URL_LIFETIME = timedelta(days=7)
"""Signature version 4 allows no more; the embedded backend keeps to the same."""


MIN_URL_LIFETIME = timedelta(seconds=2)
"""Some stores know whole seconds only, and a second passes quickly. An audio that ends earlier gets no longer link."""


_SHARE = 10
"""A link's window is at most this part of its life: it is what the link may lose."""
_SECOND = timedelta(seconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class LimitedBy(StrEnum):
    """What set the end of a link's life."""

    REQUEST = "REQUEST"
    POLICY = "POLICY"
    OBJECT = "OBJECT"
    CREDENTIALS = "CREDENTIALS"


class Guarantee(StrEnum):
    """What a store itself enforces at a PUT; the commit verifies the rest."""

    SIZE = "SIZE"
    CHECKSUM = "CHECKSUM"
    CONTENT_TYPE = "CONTENT_TYPE"
    WRITE_ONCE = "WRITE_ONCE"


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkWish:
    """A link to sign: to which audio, and until when at the latest."""

    audio: Audio
    expire_time: datetime
    attachment: bool = False
    limited_by: LimitedBy = LimitedBy.OBJECT
    """What sets the end; the link says so, unless the signer's credentials end before."""
    begin: datetime | None = None
    """From when a link counts that says so itself; not after now. Equal wishes with a begin have equal links."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedUrl:
    """A link and the true end of its life."""

    url: str = field(repr=False)
    expire_time: datetime
    limited_by: LimitedBy


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadPart:
    """The right to put one part of the announced bytes."""

    part_number: int
    """From 1."""
    url: str = field(repr=False)
    headers: Mapping[str, str]
    offset_bytes: int
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadGrant:
    """The right to put exactly the announced bytes, once."""

    url: str = field(repr=False)
    headers: Mapping[str, str]
    expire_time: datetime
    attempt: str
    enforced: tuple[Guarantee, ...]
    parts: tuple[UploadPart, ...] = ()
    """To be put one by one instead of `url`; empty for a single PUT."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkTerm:
    """From when to when a link is honest, and what sets its end."""

    begin: datetime
    end: datetime
    limited_by: LimitedBy

    def until(self, expire_time: datetime | None) -> LinkTerm:
        """The same, or what is left of it where the audio ends before."""
        if expire_time is None or expire_time >= self.end:
            return self
        return LinkTerm(begin=self.begin, end=expire_time, limited_by=LimitedBy.OBJECT)


def link_term(collection: Collection, *, now: datetime, ttl: timedelta | None, window: timedelta) -> LinkTerm:
    """The longest term that policy and request allow. Audio may end before, and so may the signer's credentials.

    Within a window the term is the same, and so is the link, so that browsers find what they have. The price is a link
    that ends up to a window earlier than it could, which is at most a tenth of its life.
    """
    life, limit = (collection.url_lifetime, LimitedBy.POLICY) if ttl is None else (ttl, LimitedBy.REQUEST)
    if life > MAX_URL_LIFETIME:
        life, limit = MAX_URL_LIFETIME, LimitedBy.POLICY
    life = max(life, MIN_URL_LIFETIME)
    begin = begin_of(now, window_of(life, longest=window))
    return LinkTerm(begin=begin, end=begin + life, limited_by=limit)


def window_of(life: timedelta, *, longest: timedelta) -> timedelta:
    """The window for links of such a life, in whole seconds; 0: there is none."""
    return min(longest, life // _SHARE) // _SECOND * _SECOND


def begin_of(now: datetime, window: timedelta) -> datetime:
    """When the window began that `now` lies in: the same for every replica."""
    return now - (now - _EPOCH) % window if window else now
