"""Pronunciations that a caller gives: words, and how to say them."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Final

from mayfly_synth.domain.errors import PhonemesUnknownError
from mayfly_synth.domain.letters import folded, goes_on, is_control
from mayfly_synth.domain.utterance import Manner, Piece

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mayfly_synth.domain.voices import Voice

_BLOCK: Final = re.compile(r"\[\[([^\[\]]+)\]\]")


class Lexicon:
    """Finds whole words, whatever their case, and says them as it was told. What it says is not looked up again."""

    __slots__ = ("_any", "_said")

    def __init__(self, entries: Sequence[tuple[str, str]], voice: Voice) -> None:
        """Take words and pronunciations.

        Args:
            entries: Each a word, or several, and phonemes in `[[...]]` or other words.
            voice: Whose phonemes they are.

        Raises:
            PhonemesUnknownError: If the voice has no such phoneme.
        """
        self._said = {folded(word): _piece(said, voice) for word, said in entries}
        # The longest first: `New York Times` before `New York`.
        words = sorted(map(re.escape, self._said), key=len, reverse=True)
        self._any = re.compile(rf"(?<!\w)(?:{'|'.join(words)})(?!\w)") if words else None

    def applied(self, piece: Piece) -> Iterator[Piece]:
        """A piece with its words replaced. Only what is said as it is written is looked at."""
        if self._any is None or not piece.is_plain:
            yield piece
            return
        text, after = folded(piece.written), 0
        if len(text) != len(piece.written):  # not in NFC; places would not match
            text = piece.written
        for match in self._any.finditer(text):
            if _is_inside(text, *match.span()):
                continue
            if before := piece.written[after : match.start()]:
                yield Piece.plain(before)
            said, manner = self._said[match[0]]
            yield Piece(piece.written[match.start() : match.end()], said, manner)
            after = match.end()
        if rest := piece.written[after:]:
            yield Piece.plain(rest)


def checked_phonemes(phonemes: str, voice: Voice) -> str:
    """Phonemes as the voice counts them: each sign for itself.

    Raises:
        PhonemesUnknownError: If the voice has no such phoneme.
    """
    signs = " ".join(unicodedata.normalize("NFD", phonemes).split())
    unknown = sorted({sign for sign in signs if sign != " " and sign not in voice.phonemes})
    if voice.phonemes and unknown:
        raise PhonemesUnknownError(voice=voice.name, phonemes=unknown)
    return signs


def is_pronunciation(said: str) -> bool:
    """Whether it is what a lexicon takes: one block of phonemes, or words without any."""
    if not said.strip() or any(map(is_control, said)):
        return False
    block = _BLOCK.fullmatch(said.strip())
    return "[[" not in said if block is None else bool(block[1].strip())


def _piece(said: str, voice: Voice) -> tuple[str, Manner]:
    if block := _BLOCK.fullmatch(said.strip()):
        return checked_phonemes(block[1], voice), Manner.PHONEMES
    return unicodedata.normalize("NFC", said.strip()), Manner.TEXT


def _is_inside(text: str, start: int, end: int) -> bool:
    """Whether a word goes on before the one that begins at `start`, or after its end, with a mark on a letter."""
    return (start > 0 and goes_on(text[start - 1])) or (end < len(text) and goes_on(text[end]))
