"""What is spoken in one go: a sentence, or the part of one between pauses and changes of speed or volume."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from mayfly_synth.domain.letters import bare

if TYPE_CHECKING:
    from datetime import timedelta


class Manner(Enum):
    """How the voice takes a piece."""

    TEXT = "text"
    """It reads it."""
    PHONEMES = "phonemes"
    """They are phonemes already."""
    SPELLED = "spelled"
    """One character after the other."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Words as they are written, and how they are said."""

    written: str = field(repr=False)
    said: str = field(repr=False)
    manner: Manner = Manner.TEXT

    @classmethod
    def plain(cls, text: str) -> Piece:
        """A piece that is said as it is written."""
        return cls(text, text)

    @property
    def is_plain(self) -> bool:
        """Whether it is said as it is written."""
        return self.manner is Manner.TEXT and self.written == self.said

    @property
    def words(self) -> list[str]:
        """Its written words, without the punctuation around them: those that get times of their own.

        What is punctuation alone is no word, unless something is said for it.
        """
        found = [(bare(raw), raw) for raw in self.written.split()]
        return [word for word, _ in found if word] if self.is_plain else [word or raw for word, raw in found]


@dataclass(frozen=True, slots=True)
class MarkedPlace:
    """A mark inside an utterance."""

    name: str
    words_before: int
    """How many written words of the utterance stand before it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Utterance:
    """One inference of the voice, and the silence after it."""

    pieces: tuple[Piece, ...]
    """Empty: only the silence."""
    rate: float = 1.0
    """Factor upon the speed that was asked for."""
    volume: float = 1.0
    """Factor upon the volume that was asked for."""
    pause: timedelta | None = None
    """Silence after it. None: that of a sentence."""
    marks: tuple[MarkedPlace, ...] = ()

    @classmethod
    def of(cls, text: str) -> Utterance:
        """A sentence that is said as it is written."""
        return cls(pieces=(Piece.plain(text),))

    @property
    def written(self) -> str:
        """As it was written."""
        return "".join(piece.written for piece in self.pieces).strip()

    @property
    def characters(self) -> int:
        """What it costs to say: the characters that the voice reads."""
        return sum(len(piece.said) for piece in self.pieces)


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """A whole text, ready to be spoken."""

    utterances: tuple[Utterance, ...]
    text: str = field(repr=False)
    """As it was written, without markup."""
    warnings: tuple[str, ...] = ()
    """What was left out of it."""

    @property
    def characters(self) -> int:
        """What it costs: what is written, or what is said where that is more."""
        return max(len(self.text), sum(utterance.characters for utterance in self.utterances))
