"""The token of a reservation: what was counted, sealed by storage. Opaque to callers; no person stands in it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Final

_PURPOSE: Final = b"mayfly quota reservation 1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Paid:
    """What a token says."""

    caller: str
    request_id: str
    """With the caller: which reservation."""
    subject: str
    """A keyed hash of the subject without the day: a token stays good over midnight."""
    collection: str
    size_bytes: int
    """What was counted of the upload's bytes."""
    expires: float
    """Seconds since 1970."""
    noted: bool
    """Whether there is a record to use up; not where nothing has a limit."""
    objects: int = 1
    """Whether the upload's object was counted."""

    @property
    def expire_time(self) -> datetime:
        """When it lapses."""
        return datetime.fromtimestamp(self.expires, tz=UTC)


@dataclass(frozen=True, slots=True)
class QuotaTokens:
    """Makes tokens and reads them."""

    secret: bytes
    """Replicas share it."""

    def make(self, paid: Paid) -> str:
        """The token."""
        payload = json.dumps(asdict(paid), sort_keys=True).encode()
        return f"{_text(payload)}.{_text(self._seal(payload))}"

    def read(self, token: str) -> Paid | None:
        """What a token says; None if it is not one that this storage made."""
        payload, _, seal = token.partition(".")
        try:
            said, sealed = _bytes(payload), _bytes(seal)
        except ValueError:
            return None
        return Paid(**json.loads(said)) if hmac.compare_digest(sealed, self._seal(said)) else None

    def subject(self, owner: str) -> str:
        """The keyed hash of a subject that a token carries."""
        return self._seal(f"subject\0{owner}".encode()).hex()[:32]

    def _seal(self, message: bytes) -> bytes:
        key = hmac.new(self.secret, _PURPOSE, hashlib.sha256).digest()
        return hmac.new(key, message, hashlib.sha256).digest()


def _text(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
