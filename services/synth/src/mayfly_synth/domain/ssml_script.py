"""The script that an SSML document becomes: utterances with their pauses, speeds, volumes and marks."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from mayfly_synth.domain.composing import Mark
from mayfly_synth.domain.utterance import Piece, Script, Utterance

if TYPE_CHECKING:
    from mayfly_synth.domain.composing import Composer

_STOPS = tuple(".!?…。！？｡")  # noqa: RUF001 - they are stops


@dataclass(slots=True)
class ScriptWriter:
    """Collects pieces until something ends them."""

    composer: Composer
    rate: float = 1.0
    volume: float = 1.0
    warnings: list[str] = field(default_factory=list)
    _parts: list[Piece | Mark] = field(default_factory=list)
    _utterances: list[Utterance] = field(default_factory=list)
    _written: list[str] = field(default_factory=list)
    _broken: bool = False
    """Whether the last thing was a break."""

    def text(self, text: str) -> None:
        """Add text. White space of any kind and length is one space."""
        words = " ".join(text.split())
        if not words:
            self._space()
            return
        if text[0].isspace():
            self._space()
        self._plain(words + (" " if text[-1].isspace() else ""))

    def piece(self, piece: Piece) -> None:
        """Add what is said otherwise than it is written."""
        self._parts.append(piece)

    def mark(self, name: str) -> None:
        """Add a mark."""
        self._parts.append(Mark(name))

    def end(self, pause: timedelta | None = None) -> None:
        """End what was collected: a sentence is over.

        Args:
            pause: Silence after the last sentence. None: that of a sentence.
        """
        parts, self._parts = self._parts, []
        composed = self.composer.passage(parts)
        self._written += [written for each in composed if (written := each.written)]
        composed = [replace(each, rate=self.rate, volume=self.volume) for each in composed]
        if composed:
            if not composed[-1].pieces:  # marks alone are no sentence, and have no silence after them
                composed[-1] = replace(composed[-1], pause=timedelta())
            elif pause is not None:
                composed[-1] = replace(composed[-1], pause=pause)
            self._broken = False
        self._utterances += composed

    def turn(self, *, rate: float, volume: float) -> None:
        """Speak on at another speed or volume, in the middle of a sentence or between two."""
        if (rate, volume) != (self.rate, self.volume):
            said = "".join(part.written for part in self._parts if isinstance(part, Piece)).rstrip()
            self.end(None if said.endswith(_STOPS) else timedelta())
        self.rate, self.volume = rate, volume

    def pause(self, length: timedelta) -> None:
        """Be silent, instead of the silence that there would be. Breaks in a row add up."""
        self.end(length)
        last = self._utterances[-1] if self._utterances else None
        if last is None:
            self._utterances.append(Utterance(pieces=(), pause=length))
        elif self._broken:
            self._utterances[-1] = replace(last, pause=(last.pause or timedelta()) + length)
        else:
            self._utterances[-1] = replace(last, pause=length)
        self._broken = True

    def script(self) -> Script:
        """Everything, once all has come."""
        self.end()
        return Script(utterances=tuple(self._utterances), text=" ".join(self._written), warnings=tuple(self.warnings))

    def _space(self) -> None:
        pieces = [part for part in self._parts if isinstance(part, Piece)]
        if pieces and not pieces[-1].written.endswith(" "):
            self._plain(" ")

    def _plain(self, text: str) -> None:
        """Add text to the text before it, as a word may come in parts, and so may a letter and its accent."""
        last = self._parts[-1] if self._parts else None
        if isinstance(last, Piece) and last.is_plain:
            text = last.written + text
            self._parts.pop()
        self._parts.append(Piece.plain(unicodedata.normalize("NFC", text)))
