"""A fake storage's quota: so many requests of each subject in a minute of the fake's clock."""

from __future__ import annotations

import threading
import uuid
from collections import Counter
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

_MINUTE = timedelta(minutes=1)
_LIFETIME = timedelta(minutes=15)


class FakeQuotas:
    """Counts requests, and knows its reservations. Safe to use from any thread."""

    def __init__(self, now: Callable[[], datetime], requests_per_minute: int | None) -> None:
        self._now = now
        self._limit = requests_per_minute
        self._used: Counter[tuple[datetime, bytes]] = Counter()
        self._counted: set[str] = set()
        self._tokens: dict[str, tuple[str, datetime]] = {}
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
        self.count(f"reservation {request.request_id}", request.subject)
        with self._lock:
            new = (uuid.uuid4().hex, self._now() + _LIFETIME)
            return self._tokens.setdefault(request.request_id, new)

    def pay(self, request_id: str, subject: audio_pb2.Subject, token: str) -> None:
        """Let an upload use a reservation up, once; without one it counts itself."""
        if not token:
            self.count(f"upload {request_id}", subject)
            return
        with self._lock:
            ends = dict(self._tokens.values())
            if token not in ends:
                raise invalid("quota_reservation", "is not a reservation of this storage")
            if self._paid.setdefault(token, request_id) != request_id:
                raise invalid("quota_reservation", "was used by another upload")

    def count(self, request: str, subject: audio_pb2.Subject) -> None:
        """Count a request of a subject, once; Refusal if there is no room."""
        if self._limit is None or not subject.WhichOneof("subject"):
            return
        start = self._now().replace(second=0, microsecond=0)
        key = (start, subject.SerializeToString(deterministic=True))
        with self._lock:
            if request in self._counted:
                return
            if self._used[key] >= self._limit:
                raise self._exceeded(self._used[key], start + _MINUTE)
            self._used[key] += 1
            self._counted.add(request)

    def _exceeded(self, used: int, reset: datetime) -> Refusal:
        return Refusal(
            code=grpc.StatusCode.RESOURCE_EXHAUSTED,
            reason="QUOTA_EXCEEDED",
            message=f"the quota requests_per_minute is {self._limit}, and {used} is used",
            metadata={
                "quota": "requests_per_minute",
                "limit": str(self._limit),
                "used": str(used),
                "reset_time": f"{reset:%Y-%m-%dT%H:%M:%SZ}",
            },
            retry_after=reset - self._now(),
        )
