"""What a writer asks for, and the fingerprint that tells a retry from a different request."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta

    from mayfly_storage.domain.audio import AudioName


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Whose audio it is: a user or a guest, never both."""

    user_id: str = ""
    guest_address: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAudio:
    """What the writer of an audio decides about it."""

    collection: str
    content_type: str
    expire_time: datetime | None = None
    ttl: timedelta | None = None
    key_fields: Mapping[str, str] = field(default_factory=dict)
    subject: Subject | None = None
    voice: str = ""
    text: str = field(default="", repr=False)
    duration: timedelta | None = None
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadRequest:
    """Announced bytes, and the identity of the request."""

    caller: str
    request_id: str
    audio: NewAudio
    size_bytes: int
    sha256: bytes
    quota_reservation: str = field(default="", repr=False)
    """Token of ReserveQuota; how an upload pays does not make it a different one."""

    def fingerprint(self, secret: bytes) -> str:
        """Hex digest of everything that was asked: equal for retries, different for different requests.

        Keyed, because it outlives the audio: without the key, a guest's address could be found by trying them all.
        """
        audio = self.audio
        subject = audio.subject or Subject()
        facts = [
            audio.collection,
            audio.content_type,
            audio.expire_time and audio.expire_time.isoformat(),
            _seconds(audio.ttl),
            sorted(audio.key_fields.items()),
            [subject.user_id, subject.guest_address],
            audio.voice,
            audio.text,
            _seconds(audio.duration),
            sorted(audio.labels.items()),
            self.size_bytes,
            self.sha256.hex(),
        ]
        return hmac.new(secret, json.dumps(facts).encode(), hashlib.sha256).hexdigest()


def _seconds(span: timedelta | None) -> float | None:
    return None if span is None else span.total_seconds()


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRecord:
    """The idempotency item: which audio a request_id of a caller stands for.

    Its key does not hold the date, so that a retry after midnight finds it.
    """

    caller: str
    request_id: str
    fingerprint: str
    name: AudioName
    forget_time: datetime
