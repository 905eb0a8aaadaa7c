"""What random histories of storage are made of: requests, the keys that they ask for, and the world they happen in."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any, Final
from uuid import uuid4

from mayfly_storage.domain.errors import (
    AudioNotFoundError,
    ContentMismatchError,
    LifetimeOverError,
    ObjectKeyTakenError,
    RequestExpiredError,
    UploadFencedError,
    UploadIncompleteError,
)
from mayfly_storage.domain.failpoints import Failpoint
from mayfly_storage.domain.uploads import NewAudio, Subject, UploadRequest

KEYS: Final = tuple(f"users/u1/recordings/r{number}/audio.wav" for number in range(3))
"""The keys that a history chooses: so few that it chooses them again."""
REFUSALS: Final = (
    AudioNotFoundError,
    ContentMismatchError,
    LifetimeOverError,
    ObjectKeyTakenError,
    RequestExpiredError,
    UploadFencedError,
    UploadIncompleteError,
)
"""What storage may answer to a save that has not crashed; nothing is acknowledged then."""
SAVE_POINTS: Final = [point for point in Failpoint if "W" in point]
"""Where a crash may befall a save."""
ERASE_POINTS: Final = [point for point in Failpoint if "W" not in point]
"""Where a crash may befall a deletion."""
PAUSES: Final = [
    *(timedelta(seconds=1), timedelta(minutes=3), timedelta(minutes=15)),
    *(timedelta(minutes=31), timedelta(minutes=31), timedelta(hours=25), timedelta(days=8)),
]
"""How long nothing happens: within every period of storage, and beyond it."""


def a_request(body: bytes, key: int | None, ttl: int | None) -> UploadRequest:
    """A new request to store some bytes: as guest audio, or at one of `KEYS`; `ttl` in seconds."""
    chosen: dict[str, Any] = {"collection": "temp-audio"}
    if key is not None:
        chosen = {"collection": "recordings", "key_fields": {"recording_id": f"r{key}"}}
        chosen |= {"subject": Subject(user_id="u1")}
    return UploadRequest(
        caller="synth",
        request_id=str(uuid4()),
        audio=NewAudio(content_type="audio/wav", ttl=timedelta(seconds=ttl) if ttl else None, **chosen),
        size_bytes=len(body),
        sha256=hashlib.sha256(body).digest(),
    )
