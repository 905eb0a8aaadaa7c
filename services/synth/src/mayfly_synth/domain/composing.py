"""From pieces to utterances: where sentences end, when some of the words are said otherwise than they are written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mayfly_synth.domain.sentences import cut, split
from mayfly_synth.domain.utterance import MarkedPlace, Piece, Script, Utterance

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mayfly_synth.domain.lexicon import Lexicon

# Stands for a piece that is said otherwise, while sentences are looked for: a word that ends none.
_WORD: Final = "Xx"


@dataclass(frozen=True, slots=True)
class Mark:
    """A mark between pieces."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Composer:
    """Makes utterances."""

    lexicon: Lexicon
    longest: int
    """Most characters that are said in one utterance."""

    def sentence(self, text: str) -> list[Utterance]:
        """A sentence of plain text; several utterances if what is said is too long."""
        return self._utterances([Piece.plain(text)])

    def passage(self, parts: Sequence[Piece | Mark]) -> list[Utterance]:
        """Pieces of any number of sentences, with the marks between them."""
        shadow = "".join(_shadow(part) for part in parts)
        found: list[Utterance] = []
        for sentence in _sliced(parts, _spans(shadow, self.longest)):
            found += self._utterances(sentence)
        return found

    def _utterances(self, parts: Sequence[Piece | Mark]) -> list[Utterance]:
        found: list[Utterance] = []
        pieces: list[Piece] = []
        marks: list[MarkedPlace] = []
        for part in self._cut(parts):
            if isinstance(part, Mark):
                marks.append(MarkedPlace(part.name, sum(len(piece.words) for piece in pieces)))
                continue
            # A part of a piece that was cut stands for the space before it, too.
            length = len(part.said) + (not part.written)
            if pieces and sum(len(piece.said) for piece in pieces) + length > self.longest:
                found.append(Utterance(pieces=tuple(pieces), marks=tuple(marks)))
                pieces, marks = [], []
            pieces.append(part)
        return [*found, Utterance(pieces=tuple(pieces), marks=tuple(marks))] if pieces or marks else found

    def _cut(self, parts: Sequence[Piece | Mark]) -> Iterator[Piece | Mark]:
        """The parts with what is looked up, none of them longer than an utterance."""
        for part in parts:
            if isinstance(part, Mark):
                yield part
                continue
            for piece in self.lexicon.applied(part):
                yield from _shortened(piece, self.longest)


def plain_script(text: str, composer: Composer) -> Script:
    """The script of a text without markup, in NFC."""
    sentences = split(text, longest=composer.longest)
    return Script(utterances=tuple(each for sentence in sentences for each in composer.sentence(sentence)), text=text)


def _shortened(piece: Piece, longest: int) -> Iterator[Piece]:
    if len(piece.said) <= longest:
        yield piece
        return
    first, *others = cut(piece.said, longest)
    # What was written once stands with the first part only, unless it is what is said.
    yield Piece(first if piece.is_plain else piece.written, first, piece.manner)
    for other in others:
        yield Piece(other if piece.is_plain else "", other, piece.manner)


def _shadow(part: Piece | Mark) -> str:
    if isinstance(part, Mark):
        return ""
    return part.written if part.is_plain else _WORD


def _spans(shadow: str, longest: int) -> list[tuple[int, int]]:
    """Where each sentence begins and ends."""
    spans: list[tuple[int, int]] = []
    at = 0
    for sentence in split(shadow, longest=longest):
        start = shadow.index(sentence, at)
        at = start + len(sentence)
        spans.append((start, at))
    return spans


def _sliced(parts: Sequence[Piece | Mark], spans: Sequence[tuple[int, int]]) -> list[list[Piece | Mark]]:
    """What belongs to each sentence. A mark between two belongs to the second one, and the last marks to the last."""
    sliced: list[list[Piece | Mark]] = [[] for _ in spans] or [[]]
    at = number = 0
    for part in parts:
        if isinstance(part, Mark):
            while number < len(spans) - 1 and spans[number][1] <= at:
                number += 1
            sliced[number].append(part)
            continue
        end = at + len(_shadow(part))
        for index, (start, stop) in enumerate(spans):
            if start < end and at < stop:
                sliced[index].append(_part_of(part, max(start - at, 0), min(stop, end) - at))
        at = end
    return sliced


def _part_of(piece: Piece, start: int, stop: int) -> Piece:
    return Piece.plain(piece.written[start:stop]) if piece.is_plain else piece
