"""A fake storage's quotas: so many requests of each subject in a minute, and objects in a day, of the fake's clock."""

from __future__ import annotations

import threading
import uuid
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import grpc

from mayfly_client._fake.kinds import kind_of
from mayfly_client._fake.refusal import Refusal, invalid
from mayfly_client._fake.shelf import check_request_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from mayfly.storage.v1 import audio_pb2
    from mayfly.storage.v1 import storage_service_pb2 as pb

_LIFETIME = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Quota:
    """So many of something for each subject in each window; None: any number."""

    name: str
    limit: int | None
    window: timedelta

    def start(self, now: datetime) -> datetime:
        """When the window began: a minute of the hour, or midnight."""
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        return midnight + (now - midnight) // self.window * self.window


def quotas_of(*, requests_per_minute: int | None, objects_per_day: int | None) -> tuple[Quota, Quota]:
    """The requests' and the objects' quota."""
    return (
        Quota("requests_per_minute", requests_per_minute, timedelta(minutes=1)),
        Quota("objects_per_day", objects_per_day, timedelta(days=1)),
    )


@dataclass(frozen=True, slots=True)
class _Token:
    value: str
    end: datetime
    objects: int


class FakeQuotas:
    """Counts requests and objects, and knows its reservations. Safe to use from any thread."""

    def __init__(self, now: Callable[[], datetime], quotas: tuple[Quota, Quota]) -> None:
        self._now = now
        self._requests, self._objects = quotas
        self._used: Counter[tuple[str, datetime, bytes]] = Counter()
        self._counted: set[str] = set()
        self._tokens: dict[str, _Token] = {}
        self._paid: dict[str, str] = {}
        self._lock = threading.Lock()

    def reserve(self, request: pb.ReserveQuotaRequest) -> tuple[str, datetime]:
        """A token and its end; the same for the same request."""
        check_request_id(request.request_id)
        kind_of(request.collection, field="collection")
        if not request.subject.WhichOneof("subject"):
            raise invalid("subject", "is required: a user_id or a guest_address")
        if request.characters < 0 or request.size_bytes < 0:
            raise invalid("characters" if request.characters < 0 else "size_bytes", "must not be negative")
        objects = request.objects if request.HasField("objects") else 1
        if objects not in {0, 1}:
            raise invalid("objects", f"must be 0 or 1; it is {objects}")
        self.count(f"reservation {request.request_id}", request.subject, objects=objects)
        with self._lock:
            new = _Token(uuid.uuid4().hex, self._now() + _LIFETIME, objects)
            token = self._tokens.setdefault(request.request_id, new)
        return token.value, token.end

    def pay(self, request_id: str, subject: audio_pb2.Subject, token: str) -> None:
        """Let an upload use a reservation up, once; without one, or with one without an object, it counts itself."""
        if not token:
            self.count(f"upload {request_id}", subject)
            return
        with self._lock:
            known = {each.value: each for each in self._tokens.values()}
            if token not in known:
                raise invalid("quota_reservation", "is not a reservation of this storage")
            if self._paid.setdefault(token, request_id) != request_id:
                raise invalid("quota_reservation", "was used by another upload")
        if not known[token].objects:
            self.count(f"upload {request_id}", subject, requests=0)

    def count(self, request: str, subject: audio_pb2.Subject, *, requests: int = 1, objects: int = 1) -> None:
        """Count a request of a subject, once; Refusal if there is no room for all of it."""
        if not subject.WhichOneof("subject"):
            return
        now, whose = self._now(), subject.SerializeToString(deterministic=True)
        wanted = [(self._requests, requests), (self._objects, objects)]
        counters = {(each.name, each.start(now), whose): (each, amount) for each, amount in wanted if amount}
        with self._lock:
            if request in self._counted:
                return
            for key, (quota, amount) in counters.items():
                if quota.limit is not None and self._used[key] + amount > quota.limit:
                    raise self._exceeded(quota, self._used[key], key[1] + quota.window)
            self._used.update({key: amount for key, (_, amount) in counters.items()})
            self._counted.add(request)

    def _exceeded(self, quota: Quota, used: int, reset: datetime) -> Refusal:
        return Refusal(
            code=grpc.StatusCode.RESOURCE_EXHAUSTED,
            reason="QUOTA_EXCEEDED",
            message=f"the quota {quota.name} is {quota.limit}, and {used} is used",
            metadata={
                "quota": quota.name,
                "limit": str(quota.limit),
                "used": str(used),
                "reset_time": f"{reset:%Y-%m-%dT%H:%M:%SZ}",
            },
            retry_after=reset - self._now(),
        )
