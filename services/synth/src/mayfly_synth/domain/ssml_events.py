"""Reads markup, and lets nothing in but elements and text.

expat resolves nothing by itself; what would make it do so is refused here: a document type, and with it every entity
that is not one of XML's five, notations, and processing instructions. Depth is bounded, size is bounded by the text's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NoReturn, Protocol
from xml.parsers import expat

from mayfly_synth.domain.errors import SsmlError
from mayfly_synth.domain.letters import is_control

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_DEPTH: Final = 16


class MarkupHandler(Protocol):
    """Takes what a document consists of, in its order."""

    line: int
    """Set before each call."""

    def start(self, element: str, attributes: Mapping[str, str]) -> None:
        """An element begins."""

    def end(self, element: str) -> None:
        """It ends."""

    def characters(self, text: str) -> None:
        """Text, in pieces of any length."""


def read_markup(document: str, handler: MarkupHandler) -> None:
    """Read a whole document.

    Raises:
        SsmlError: If it is not well-formed, too deep, or has what is never taken; or whatever the handler raises.
    """
    reader = _Reader(handler)
    try:
        # As bytes with a stated encoding: what the document says of its encoding is not asked.
        reader.parser.Parse(document.encode("utf-8"), True)  # noqa: FBT003 - expat takes it by position
    except expat.ExpatError as error:
        why = f"it is not well-formed XML: {expat.ErrorString(error.code)}"
        raise SsmlError(why, line=error.lineno) from None


class _Reader:
    """expat's handlers."""

    def __init__(self, handler: MarkupHandler) -> None:
        self._handler = handler
        self._depth = 0
        self.parser = expat.ParserCreate("utf-8")
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._characters
        self.parser.StartDoctypeDeclHandler = lambda *_: self._refuse("a document type is not taken", "!DOCTYPE")
        self.parser.EntityDeclHandler = lambda *_: self._refuse("an entity is not taken", "!ENTITY")
        self.parser.ExternalEntityRefHandler = lambda *_: self._refuse("an entity is not taken", "!ENTITY")
        self.parser.ProcessingInstructionHandler = lambda target, _: self._refuse(
            "a processing instruction is not taken", f"?{target}"
        )

    @property
    def _line(self) -> int:
        return self.parser.CurrentLineNumber

    def _start(self, element: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise SsmlError(f"elements lie more than {MAX_DEPTH} deep", line=self._line, element=element)
        self._handler.line = self._line
        for value in attributes.values():
            self._check(value, element)
        self._handler.start(element, attributes)

    def _end(self, element: str) -> None:
        self._depth -= 1
        self._handler.line = self._line
        self._handler.end(element)

    def _characters(self, text: str) -> None:
        self._handler.line = self._line
        self._check(text)
        self._handler.characters(text)

    def _check(self, text: str, element: str | None = None) -> None:
        """See that no character reference makes what a text must not have."""
        if any(map(is_control, text)):
            raise SsmlError("a character reference stands for a control character", line=self._line, element=element)

    def _refuse(self, why: str, element: str) -> NoReturn:
        raise SsmlError(why, line=self._line, element=element)
