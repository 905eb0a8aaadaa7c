"""What is kept of a person: never more than the settings allow."""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from mayfly_storage.domain.uploads import Subject

if TYPE_CHECKING:
    from datetime import datetime


class AddressPolicy(StrEnum):
    """What is kept of a guest's address."""

    HASHED = "hashed"
    """A keyed hash with the UTC day as salt: equal within a day, of no use afterwards."""
    RAW = "raw"
    NONE = "none"


class TextPolicy(StrEnum):
    """What is kept of a text that was spoken. The values are those of a setting that was once a truth value."""

    HASHED = "hashed"
    """A keyed hash: equal for equal texts, and of no use without the key."""
    KEPT = "true"
    DROPPED = "false"


_HASHED: Final = re.compile("hmac-sha256:([0-9a-f]{32})")


def hash_of(kept: str) -> str:
    """The hash, where a row's `text` is one and not a text; empty otherwise."""
    found = _HASHED.fullmatch(kept)
    return found[1] if found else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Privacy:
    """The settings, and the one place that applies them."""

    secret: bytes
    addresses: AddressPolicy = AddressPolicy.HASHED
    texts: TextPolicy = TextPolicy.DROPPED

    def text(self, text: str) -> str:
        """The text as it may be kept: itself, a keyed hash that says that it is one, or nothing."""
        if not text or self.texts is TextPolicy.DROPPED:
            return ""
        if self.texts is TextPolicy.KEPT:
            return text
        return f"hmac-sha256:{hmac.new(self.secret, f'text:{text}'.encode(), hashlib.sha256).hexdigest()[:32]}"

    def owner(self, subject: Subject | None, day: datetime) -> str:
        """The owner that listing, quotas and ForgetSubject go by; empty for nobody."""
        if subject is None or subject == Subject():
            return ""
        return f"user:{subject.user_id}" if subject.user_id else f"guest:{self._digest(subject.guest_address, day)}"

    def ip_address(self, subject: Subject | None, day: datetime) -> str:
        """What the row's `ip_address` may say."""
        if subject is None or not subject.guest_address or self.addresses is AddressPolicy.NONE:
            return ""
        return (
            subject.guest_address if self.addresses is AddressPolicy.RAW else self._digest(subject.guest_address, day)
        )

    def quota_subject(self, subject: Subject, collection: str, day: datetime) -> str:
        """Whose counters of a collection these are: a keyed hash, of users too. A guest's is another one every day."""
        facts = f"quota\0{collection}\0{self.owner(subject, day)}"
        return hmac.new(self.secret, facts.encode(), hashlib.sha256).hexdigest()[:32]

    def _digest(self, address: str, day: datetime) -> str:
        message = f"{day:%Y-%m-%d}\0{address}".encode()
        return hmac.new(self.secret, message, hashlib.sha256).hexdigest()[:32]
