"""Tickets: what a commit has to know of a PENDING row, carried by the caller so that storage need not read the row."""

from __future__ import annotations

import base64
import hmac
import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Final

from mayfly_storage.domain.audio import Location

if TYPE_CHECKING:
    from mayfly_storage.domain.audio import Audio, AudioName

_END_OF_ATTEMPT: Final = "~"
"""Attempts are random hexadecimal digits, so this never stands in one."""
_PURPOSE: Final = b"mayfly-ticket-1\0"
_MAC_BYTES: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """The facts of a PENDING row. They cannot change while it is PENDING, and an id is never used again."""

    name: AudioName
    attempt: str
    location: Location
    object_key: str
    size_bytes: int
    sha256: bytes
    expire_time: datetime | None
    etag: str | None = None
    """Known once the bytes were seen."""
    upload_id: str = ""
    """Of the upload in parts; empty for a single PUT."""
    parts: int = 0
    """How many there are."""


@dataclass(frozen=True, slots=True)
class Tickets:
    """Issues tickets, and reads its own back.

    The signature keeps strangers' keys away from the stores. Safety does not rest on it: the fence alone decides.
    """

    secret: bytes = field(repr=False)

    def issue(self, audio: Audio, upload_id: str = "", parts: int = 0) -> str:
        """The attempt of a PENDING audio, and behind it the ticket: ASCII, the same for the same audio and upload."""
        facts = _encode(audio, upload_id, parts)
        return f"{audio.attempt}{_END_OF_ATTEMPT}{facts}{_END_OF_ATTEMPT}{self._mac(audio.name, audio.attempt, facts)}"

    def read(self, name: AudioName, text: str) -> Ticket | None:
        """The ticket in what the caller gave as attempt; None if there is none of ours for this name.

        A bare attempt, or a ticket under a secret of before, is None: then the row has to be read.
        """
        attempt, _, rest = text.partition(_END_OF_ATTEMPT)
        facts, _, mac = rest.partition(_END_OF_ATTEMPT)
        if not facts or not hmac.compare_digest(self._mac(name, attempt, facts).encode(), mac.encode()):
            return None
        return _decode(name, attempt, facts)

    def _mac(self, name: AudioName, attempt: str, facts: str) -> str:
        message = json.dumps([str(name), attempt, facts]).encode()
        return _base64(hmac.digest(self.secret, _PURPOSE + message, "sha256")[:_MAC_BYTES])


def attempt_of(text: str) -> str:
    """The attempt alone, with or without a ticket behind it."""
    return text.partition(_END_OF_ATTEMPT)[0]


def _encode(audio: Audio, upload_id: str, parts: int) -> str:
    end = audio.expire_time and audio.expire_time.isoformat()
    facts = [audio.location, audio.object_key, audio.size_bytes, _base64(audio.sha256), end]
    if upload_id:
        facts += [upload_id, parts]
    return _base64(json.dumps(facts, ensure_ascii=False, separators=(",", ":")).encode())


def _decode(name: AudioName, attempt: str, text: str) -> Ticket:
    location, object_key, size_bytes, sha256, end, *more = json.loads(_bytes(text))
    return Ticket(
        name=name,
        attempt=attempt,
        location=Location(location),
        object_key=object_key,
        size_bytes=size_bytes,
        sha256=_bytes(sha256),
        expire_time=end and datetime.fromisoformat(end),
        upload_id=more[0] if more else "",
        parts=more[1] if more else 0,
    )


def _base64(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
