"""A fake storage apart from its wire: links with their true ends, pages, filters."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import grpc
from mayfly.storage.v1 import storage_service_pb2 as pb

from mayfly_client._fake.kinds import kind_of
from mayfly_client._fake.refusal import Refusal, invalid

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from mayfly_client._fake.links import Links
    from mayfly_client._fake.quotas import FakeQuotas
    from mayfly_client._fake.shelf import Item, Shelf

_DEFAULT_PAGE, _MAX_PAGE = 100, 1_000
_LONGEST_LINK = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedLink:
    """A link and its true end."""

    url: str
    expire_time: datetime
    limited_by: pb.LimitedBy.ValueType


@dataclass(frozen=True, slots=True, kw_only=True)
class FakeStorage:
    """What the servicers of storage and of synth stand on."""

    shelf: Shelf
    links: Links
    quotas: FakeQuotas
    now: Callable[[], datetime]
    keeps_text: bool

    def sign(self, item: Item, ttl: timedelta | None, *, attachment: bool = False) -> SignedLink:
        """A link that lives as was asked for, or as the collection's usually do, and never longer than the audio."""
        now = self.now()
        if ttl is not None and ttl.total_seconds() < 1:
            raise invalid("ttl", "must be at least 1 s")
        usual = item.kind.url_lifetime if ttl is None else _LONGEST_LINK
        ends = [(now + usual, pb.LIMITED_BY_POLICY)]
        if ttl is not None:
            ends.append((now + ttl, pb.LIMITED_BY_REQUEST))
        if item.expire_time is not None:
            ends.append((item.expire_time, pb.LIMITED_BY_OBJECT))
        end, limited_by = min(ends)
        url = self.links.make("GET", item, end, attachment=attachment)
        return SignedLink(url=url, expire_time=end, limited_by=limited_by)

    def page(self, request: pb.ListAudioRequest) -> tuple[Sequence[Item], str]:
        """One page and the token of the next one."""
        if request.page_size < 0:
            raise invalid("page_size", "must not be negative")
        if request.collection:
            kind_of(request.collection, field="collection")
        found = [item for item in self.shelf.readable() if _matches(item, request)]
        start, size = _start(request), min(request.page_size or _DEFAULT_PAGE, _MAX_PAGE)
        more = start + size < len(found)
        return found[start : start + size], f"{start + size}.{_fingerprint(request)}" if more else ""


def _matches(item: Item, request: pb.ListAudioRequest) -> bool:
    subject = request.subject
    return (
        (not request.collection or item.kind.id == request.collection)
        and (not request.date or item.name.startswith(f"audio/{request.date}/"))
        and (not request.session_id or item.new.key_fields.get("session_id") == request.session_id)
        and item.object_key.startswith(request.object_key_prefix)
        and (not subject.WhichOneof("subject") or item.new.subject == subject)
    )


def _start(request: pb.ListAudioRequest) -> int:
    if not request.page_token:
        return 0
    start, _, fingerprint = request.page_token.partition(".")
    if fingerprint != _fingerprint(request) or not start.isdecimal():
        raise Refusal(
            code=grpc.StatusCode.INVALID_ARGUMENT,
            reason="PAGE_TOKEN_INVALID",
            message="the page token is not one of this method's with these filters",
            fields={"page_token": "start at the first page"},
        )
    return int(start)


def _fingerprint(request: pb.ListAudioRequest) -> str:
    filters = pb.ListAudioRequest()
    filters.CopyFrom(request)
    filters.ClearField("page_token")
    filters.ClearField("page_size")
    return hashlib.sha256(filters.SerializeToString(deterministic=True)).hexdigest()[:16]
