"""How long a link may live: never longer than the audio, the policy or the credentials that sign it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from mayfly_storage.domain.audio import Audio
    from mayfly_storage.domain.collections import Collection


MAX_URL_LIFETIME = timedelta(days=7)
"""Signature version 4 allows no more; the embedded backend keeps to the same."""


MIN_URL_LIFETIME = timedelta(seconds=2)
"""Some stores know whole seconds only, and a second passes quickly. An audio that ends earlier gets no longer link."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedUrl:
    """A link and the true end of its life."""

    url: str = field(repr=False)
    expire_time: datetime
    limited_by: LimitedBy


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadGrant:
    """The right to put exactly the announced bytes, once."""

    url: str = field(repr=False)
    headers: Mapping[str, str]
    expire_time: datetime
    attempt: str
    enforced: tuple[Guarantee, ...]


def link_end(
    audio: Audio, *, collection: Collection, now: datetime, ttl: timedelta | None
) -> tuple[datetime, LimitedBy]:
    """The latest end of a link that is honest, and what sets it. The signer may still cut it to its credentials."""
    life, limit = (collection.url_lifetime, LimitedBy.POLICY) if ttl is None else (ttl, LimitedBy.REQUEST)
    if life > MAX_URL_LIFETIME:
        life, limit = MAX_URL_LIFETIME, LimitedBy.POLICY
    end = now + max(life, MIN_URL_LIFETIME)
    if audio.expire_time is not None and audio.expire_time < end:
        return audio.expire_time, LimitedBy.OBJECT
    return end, limit
