"""Reads the fields of one request, each against the limits of its comment, and tells all problems at once.

What a method answers for a wrong value is a stand-in that nobody sees: `done` ends the parsing.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Final

from mayfly_runtime.violations import Violations
from mayfly_storage.domain.audio import AudioName
from mayfly_storage.domain.keys import normalize_component

if TYPE_CHECKING:
    from collections.abc import Sized

    from google.protobuf.duration_pb2 import Duration
    from google.protobuf.timestamp_pb2 import Timestamp

MAX_BATCH: Final = 1_000
_SHA256_BYTES: Final = 32
_MAX_SHOWN: Final = 100
_NOBODY: Final = AudioName("", "")
_NEVER: Final = datetime.max.replace(tzinfo=UTC)


class Form:
    """One request, or a message within it."""

    def __init__(self, violations: Violations | None = None, prefix: str = "") -> None:
        """Begin with a whole request; `within` goes into its messages."""
        self._violations = Violations() if violations is None else violations
        self._prefix = prefix

    def within(self, field: str) -> Form:
        """The form of a message in a field; its problems are told with those of the request."""
        return Form(self._violations, f"{self._prefix}{field}.")

    def done(self) -> None:
        """End the parsing.

        Raises:
            InvalidRequestError: With every problem that was found.
        """
        self._violations.raise_if_any()

    def require(self, ok: bool, field: str, description: str) -> bool:  # noqa: FBT001 - reads as a sentence
        """Note a problem of a field unless `ok`; answers `ok`."""
        return self._violations.require(ok, f"{self._prefix}{field}", description)

    def refuse(self, field: str, description: str) -> None:
        """Note a problem of a field."""
        self._violations.add(f"{self._prefix}{field}", description)

    def audio_name(self, field: str, text: str) -> AudioName:
        """A name as storage gave it."""
        if not self.require(bool(text), field, "is required: the name of an audio"):
            return _NOBODY
        try:
            return AudioName.parse(text)
        except ValueError as error:
            self.refuse(field, f"{error}; it is {text[:_MAX_SHOWN]!r}")
            return _NOBODY

    def request_id(self, text: str) -> str:
        """A UUID, in its canonical form."""
        return self._violations.request_id(text, field=f"{self._prefix}request_id")

    def text(self, field: str, text: str, *, longest: int, needed: str = "") -> str:
        """A text of limited length. `needed` says what is required, where it is."""
        if needed:
            self.require(bool(text), field, f"is required: {needed}")
        self.require(len(text) <= longest, field, f"must have at most {longest} characters; it has {len(text)}")
        return text

    def component(self, field: str, text: str) -> str:
        """A text that becomes a part of a key, in NFC."""
        try:
            return normalize_component(text)
        except ValueError as error:
            self.refuse(field, str(error))
            return ""

    def sha256(self, field: str, value: bytes, *, needed: bool) -> bytes:
        """A SHA-256; empty if it may be."""
        if needed or value:
            right = len(value) == _SHA256_BYTES
            self.require(
                right, field, f"{'is required: ' if needed else ''}must have {_SHA256_BYTES} bytes; it has {len(value)}"
            )
        return value

    def not_negative(self, field: str, number: int) -> int:
        """A count, a size or an offset."""
        self.require(number >= 0, field, f"must not be negative; it is {number}")
        return number

    def duration(self, field: str, message: Duration, *, least: timedelta) -> timedelta:
        """A duration of at least `least`."""
        try:
            found = message.ToTimedelta()
        except (ValueError, OverflowError):
            found = timedelta.min
        unit = f"{least.total_seconds():.0f} s" if least else "0"
        self.require(found >= least, field, f"must be a duration of at least {unit}")
        return found

    def timestamp(self, field: str, message: Timestamp) -> datetime:
        """A point in time."""
        try:
            return message.ToDatetime(tzinfo=UTC)
        except (ValueError, OverflowError):
            self.refuse(field, "must be a time from year 1 to year 9999")
            return _NEVER

    def day(self, field: str, text: str) -> str:
        """A day, or none."""
        try:
            right = not text or date.fromisoformat(text).isoformat() == text
        except ValueError:
            right = False
        self.require(right, field, f"must be a day, YYYY-MM-DD; it is {text[:_MAX_SHOWN]!r}")
        return text

    def page_size(self, number: int, *, default: int, largest: int) -> int:
        """A page size: 0 is the default, too much is cut."""
        self.require(number >= 0, "page_size", f"must not be negative; it is {number}. 0 is the default, {default}")
        return min(number or default, largest)

    def batch(self, field: str, items: Sized) -> None:
        """From 1 to 1,000 items."""
        right = 1 <= len(items) <= MAX_BATCH
        self.require(right, field, f"is required: 1 to {MAX_BATCH:,} items; there are {len(items):,}")
