"""The `Range` header (RFC 9110, section 14), as far as players need it: one range of bytes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_ONE_RANGE: Final = re.compile(r"bytes\s*=\s*(\d{0,19})\s*-\s*(\d{0,19})", re.ASCII | re.IGNORECASE)


class RangeNotSatisfiableError(Exception):
    """The range begins behind the end."""


@dataclass(frozen=True, slots=True)
class ByteRange:
    """Bytes from `start` to before `end`."""

    start: int
    end: int

    @property
    def length(self) -> int:
        """How many bytes."""
        return self.end - self.start


def parse_range(header: str | None, size: int) -> ByteRange | None:
    """The wanted part; None for all of it. What is not one range is ignored, as the RFC allows.

    Raises:
        RangeNotSatisfiableError: If there is no such part.
    """
    match = _ONE_RANGE.fullmatch(header.strip()) if header else None
    if match is None or not any(match.groups()):
        return None
    first, last = match.groups()
    if not first:  # the last so many bytes
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(size, int(last) + 1) if last else size
        if last and int(last) < int(first):
            return None
    if start >= end:
        raise RangeNotSatisfiableError
    return ByteRange(start, end)
