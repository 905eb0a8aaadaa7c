"""From an utterance to the phonemes that Piper speaks.

Piper's phonemizer splits what it gets into sentences of its own, and takes a few notations for more than text. Both are
evened out here, so that one utterance of ours is one inference, and plain text is plain text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import groupby, takewhile
from typing import TYPE_CHECKING, Final

from mayfly_synth.domain.utterance import Manner, Utterance
from mayfly_synth.engines.wording import Token, said_otherwise, tokens

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from piper import PiperVoice

    from mayfly_synth.domain.utterance import Piece

# Marks that Piper keeps among the phonemes. They are heard as pauses and intonation, not as sounds.
MARKS: Final = frozenset(" .,:;!?…—-'\"()¡¿«»“”‘’")  # noqa: RUF001 - they are quotation marks
_PAUSES: Final = frozenset(",:;!?…—")
_INNER_ELLIPSIS: Final = re.compile(r"\s*(?:\.{2,}|…|‥)\s*(?=\S)")
_LAST_ELLIPSIS: Final = re.compile(r"\s*(?:\.{2,}|…|‥)$")


@dataclass(frozen=True, slots=True)
class Pronounced:
    """How an utterance is said."""

    phonemes: list[str]
    """Empty if nothing in it can be pronounced."""
    tokens: tuple[Token, ...] = ()
    """Its written words, and how many spoken ones each is."""


def pronounce(piper: PiperVoice, utterance: Utterance) -> Pronounced:
    """The phonemes of an utterance.

    Safe to call from many threads: Piper holds its own lock around espeak, which knows only one text at a time.
    """
    phonemes: list[str] = []
    found: list[Token] = []
    # Neighbours that are read are read together: how a word sounds depends on those around it.
    for manner, group in groupby(utterance.pieces, key=lambda piece: piece.manner):
        if manner is Manner.TEXT:
            pieces = list(group)
            _join(phonemes, _read(piper, "".join(piece.said for piece in pieces), goes_on=bool(phonemes)))
            found += [token for piece in pieces for token in tokens(piece)]
            continue
        for piece in group:
            said = list(piece.said) if manner is Manner.PHONEMES else _spelled(piper, piece)
            _join(phonemes, said)
            found += said_otherwise(piece, spoken_words=sum(1 for _ in words_in(said)))
    if not any(_sounds(piper, phoneme) for phoneme in phonemes):
        return Pronounced([])
    return Pronounced(phonemes, tuple(found))


def words_in(phonemes: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Where each spoken word begins and ends: what lies between marks."""
    for marks, run in groupby(range(len(phonemes)), key=lambda index: phonemes[index] in MARKS):
        if not marks:
            within = list(run)
            yield within[0], within[-1] + 1


def plain(sentence: str) -> str:
    """The sentence, free of what Piper would take for more than text.

    `[[...]]` would be taken for phonemes. At an ellipsis espeak ends a clause without a word of it, and the words on
    both sides run together; a comma is how the pause is meant.
    """
    ended = _LAST_ELLIPSIS.sub(".", sentence.replace("[[", "[ ["))
    return _INNER_ELLIPSIS.sub(", ", ended).removeprefix(", ")


def joined(parts: Sequence[Sequence[str]]) -> list[str]:
    """One sentence out of those that the phonemizer made of it.

    A full stop inside is one that ended no sentence for us (`Dr. Smith`), so no pause is spoken for it.
    """
    phonemes: list[str] = []
    for part in parts:
        if phonemes and phonemes[-1] == ".":
            phonemes.pop()
        if phonemes and phonemes[-1] != " ":
            phonemes.append(" ")
        phonemes += part
    return phonemes


def _read(piper: PiperVoice, text: str, *, goes_on: bool) -> list[str]:
    """The phonemes of text, with the white space around it, which says whether it goes on in the middle of a word.

    Args:
        piper: The voice.
        text: What stands between pieces that are no text.
        goes_on: Whether something is said before it; then the pause that it begins with is one.
    """
    inside = text.strip()
    if inside and all(character in MARKS for character in inside):
        return list(text)  # a mark after a piece that is no text; espeak would drop it
    before, after = _edge(text), _edge(text[::-1])
    # What a text begins with espeak drops, or reads out. A full stop there ended no sentence for us, and is no pause.
    pauses = [mark for mark in before if mark in _PAUSES] if goes_on else []
    phonemes = joined(piper.phonemize(plain(inside.lstrip("".join(pauses)).lstrip())))
    ends_apart = phonemes[-1:] == [" "]
    return [*pauses, *_space(before), *phonemes, *([] if ends_apart else _space(after))]


def _edge(text: str) -> list[str]:
    """What stands before the first letter or digit."""
    return list(takewhile(lambda character: not character.isalnum(), text))


def _space(edge: Sequence[str]) -> list[str]:
    """Whether a word ends there: quotation marks and the like may stand around the space."""
    return [" "] if any(map(str.isspace, edge)) else []


def _spelled(piper: PiperVoice, piece: Piece) -> list[str]:
    """Each letter and digit by its name; what stands between them is a pause."""
    parts: list[list[str]] = []
    for character in piece.said:
        if character.isalnum():
            parts.append([sign for sign in joined(piper.phonemize(character)) if sign not in MARKS or sign == " "])
        elif parts and parts[-1][-1:] != [","]:
            parts[-1] = [*parts[-1], ","]
    if parts and parts[-1][-1:] == [","]:
        parts[-1].pop()
    return [sign for number, part in enumerate(parts) for sign in ([" "] if number else []) + part]


def _join(phonemes: list[str], more: Sequence[str]) -> None:
    """Put phonemes behind others."""
    if more and more[0] not in MARKS - {" "} and phonemes and phonemes[-1] == ".":
        phonemes.pop()
    begins_with_space = bool(more) and more[0] == " " and (not phonemes or phonemes[-1] == " ")
    phonemes += more[1:] if begins_with_space else more


def _sounds(piper: PiperVoice, phoneme: str) -> bool:
    return phoneme not in MARKS and phoneme in piper.config.phoneme_id_map
