"""Keeps what a caller sent out of what we log, even where an exception's message repeats it.

Libraries quote their input when they fail. A text to be spoken must not outlive its audio in a log file, so whatever
a logged traceback has in common with the request's strings is cut out of it, whole or in part.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from google.protobuf.message import Message

if TYPE_CHECKING:
    from collections.abc import Iterator

MASK: Final = "[request]"
RUN: Final = 8
"""Characters in a row that are taken for a quotation of the request; shorter strings count as a whole."""
_SHORTEST: Final = 4


def hide_request(text: str, request: object) -> str:
    """Mask what `text` repeats of the strings of a protobuf request; of anything else, nothing is known."""
    if not isinstance(request, Message):
        return text
    quoted = bytearray(len(text))
    for string in set(strings_of(request)):
        if len(string) >= _SHORTEST:
            _mark(text, string, quoted)
    # A private-use character stands for what was marked, so that neighbours become one mask.
    marked = "".join("\ue000" if flag else char for char, flag in zip(text, quoted, strict=True))
    return re.sub("\ue000+", MASK, marked)


def strings_of(message: Message) -> Iterator[str]:
    """All strings of a message and of the messages within it; keys and values of maps, too."""
    for _, value in message.ListFields():
        if isinstance(value, str | Message):
            yield from _strings_in(value)
        elif hasattr(value, "items"):
            for key, part in value.items():
                yield from _strings_in(key)
                yield from _strings_in(part)
        elif hasattr(value, "append"):
            for part in value:
                yield from _strings_in(part)


def _strings_in(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Message):
        yield from strings_of(value)


def _mark(text: str, string: str, quoted: bytearray) -> None:
    size = min(RUN, len(string))
    runs = {string[start : start + size] for start in range(len(string) - size + 1)}
    for start in range(len(text) - size + 1):
        if text[start : start + size] in runs:
            quoted[start : start + size] = b"\x01" * size
