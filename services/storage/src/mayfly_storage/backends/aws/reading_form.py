"""What a link tells the store to say of the bytes: their type, a name for the file, and how long they may be kept."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.utils import format_datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from mayfly_storage.backends.aws.quoting import quoted
from mayfly_storage.backends.aws.sigv4 import QuotedQuery
from mayfly_storage.domain.content_types import EXTENSIONS

if TYPE_CHECKING:
    from datetime import datetime

_ID, _END = "\0", "\1"
"""Stand for what differs from link to link; no parameter of ours has such characters."""
_BLANKS: Final = re.compile(f"{quoted(_ID)}|{quoted(_END)}")


@dataclass(frozen=True, slots=True, eq=False)
class ReadingForm:
    """The query of links to one kind of audio, with blanks for the audio's id and the link's end."""

    given: tuple[str, str, str]
    ordered: tuple[str, str, str]

    @classmethod
    def of(cls, content_type: str, *, attachment: bool) -> ReadingForm:
        """The query for a content type, to be shown or to be saved as a file."""
        kind = "attachment" if attachment else "inline"
        # The audio's id alone: nothing that a person chose stands in a header.
        disposition = f'{kind}; filename="{_ID}.{EXTENSIONS.get(content_type, "bin")}"'
        query = QuotedQuery.of(
            (
                ("response-content-type", content_type),
                ("response-content-disposition", disposition),
                ("response-cache-control", "private"),
                # Not max-age, which would count from the download: what a browser keeps ends with the link.
                ("response-expires", _END),
            )
        )
        return cls(_pieces(query.given), _pieces(query.ordered))

    def filled(self, audio_id: str, end: datetime) -> QuotedQuery:
        """With the blanks filled in."""
        name, time = quoted(audio_id), _http_date(end)
        (a, b, c), (x, y, z) = self.given, self.ordered
        return QuotedQuery(f"{a}{name}{b}{time}{c}", f"{x}{name}{y}{time}{z}")


def _pieces(text: str) -> tuple[str, str, str]:
    first, second, third = _BLANKS.split(text)
    return first, second, third


@lru_cache(maxsize=64)
def _http_date(time: datetime) -> str:
    """As HTTP writes a time in UTC, quoted; whole seconds. The links of a window share their end, or its day."""
    day = _day_of(time.replace(hour=0, minute=0, second=0))
    return f"{day}{time.hour:02}%3A{time.minute:02}%3A{time.second:02}%20GMT"


@lru_cache(maxsize=16)
def _day_of(midnight: datetime) -> str:
    return quoted(format_datetime(midnight, usegmt=True).removesuffix("00:00:00 GMT"))
