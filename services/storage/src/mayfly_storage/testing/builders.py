"""Facts with good defaults, so that a test names only what it is about."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

from mayfly_storage.domain.audio import Audio, AudioName, Location, State
from mayfly_storage.domain.ports import BlobFacts
from mayfly_storage.domain.timing import Timing
from mayfly_storage.domain.uploads import RequestRecord

DAWN: Final = datetime(2026, 1, 15, 6, 30, tzinfo=UTC)
"""When tests begin, unless they say otherwise."""
SOUND: Final = b"RIFF" + bytes(range(256)) * 4
"""Bytes that stand for a recording; nothing in storage looks into them."""
LARGE: Final = bytes(range(256)) * 5_000
"""Bytes that `MemoryParts` cuts into five parts."""


def an_audio(**overrides: Any) -> Audio:
    """A PENDING guest audio that announces `SOUND`; `body=` announces other bytes, the rest are fields of Audio."""
    body: bytes = overrides.pop("body", SOUND)
    created: datetime = overrides.get("create_time", DAWN)
    name: AudioName = overrides.get("name") or AudioName.new(created, uuid4())
    facts: dict[str, Any] = {
        "name": name,
        "collection": "temp-audio",
        "state": State.PENDING,
        "location": Location.LOCAL,
        "object_key": f"temp-audio/{name.date}/{name.audio_id}.wav",
        "content_type": "audio/wav",
        "size_bytes": len(body),
        "sha256": hashlib.sha256(body).digest(),
        "attempt": uuid4().hex,
        "create_time": created,
        "upload_deadline": created + Timing().upload_lifetime,
        "expire_time": created + timedelta(hours=24),
    }
    return Audio(**(facts | overrides))


def a_request(audio: Audio, **overrides: Any) -> RequestRecord:
    """A request record that stands for an audio; everything is a field of RequestRecord."""
    facts: dict[str, Any] = {
        "caller": "synth",
        "request_id": str(uuid4()),
        "fingerprint": hashlib.sha256(audio.sha256).hexdigest(),
        "name": audio.name,
        "forget_time": audio.create_time + Timing().request_lifetime,
    }
    return RequestRecord(**(facts | overrides))


def facts_of(audio: Audio) -> BlobFacts:
    """What a row announces of its bytes."""
    return BlobFacts(
        content_type=audio.content_type,
        size_bytes=audio.size_bytes,
        sha256=audio.sha256,
        attempt=audio.attempt,
        expire_time=audio.expire_time,
    )
