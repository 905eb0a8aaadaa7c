"""The written words of an utterance, and how many spoken ones each of them is.

espeak says words as people do, not as they are written: `of the` is one word to it, `42` are two. A plain word is one
spoken word, as far as can be known beforehand; what is not plain is not known.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from mayfly_synth.domain.letters import bare, unmarked

if TYPE_CHECKING:
    from mayfly_synth.domain.utterance import Piece

# Letters, and apostrophes between them. Capitals may come at the start only: others may be spelled out.
_PLAIN: Final = re.compile(r"[^\W\d_](?:['’]?[^\W\d_A-Z])*")  # noqa: RUF001 - it is an apostrophe
_CLAUSE_END: Final = re.compile(r"[,;:.!?…][^\w]*$")


@dataclass(frozen=True, slots=True)
class Token:
    """A written word."""

    written: str = field(repr=False)
    spoken_words: int | None
    """None: not known."""
    weight: float
    """About how long it is heard, beside others."""
    ends_clause: bool = False


def tokens(piece: Piece) -> list[Token]:
    """The words of a piece that is read."""
    if piece.is_plain:
        return [token for raw in piece.written.split() if (token := _token(raw)) is not None]
    said = [_token(raw) for raw in piece.said.split()]
    known = all(token is None or token.spoken_words == 1 for token in said)
    words = sum(token is not None for token in said)
    return said_otherwise(piece, spoken_words=words if known else None)


def said_otherwise(piece: Piece, *, spoken_words: int | None) -> list[Token]:
    """The written words of a piece whose spoken ones are others."""
    written = piece.words
    each = None
    if spoken_words is not None and len(written) in (1, spoken_words):
        each = spoken_words if len(written) == 1 else 1
    weight = max(len(piece.said), 1) / max(len(written), 1)
    return [Token(word, each, weight) for word in written]


def _token(raw: str) -> Token | None:
    word = bare(raw)
    if not word:
        return None
    is_one = _PLAIN.fullmatch(unmarked(word)) is not None
    return Token(word, 1 if is_one else None, _weight(word), _CLAUSE_END.search(raw) is not None)


def _weight(word: str) -> float:
    """A letter is about one sound, a digit about four, a capital that is spelled out about two."""
    shouted = word.isupper() and len(word) > 1
    return 1.0 + sum(4.0 if each.isdigit() else 2.0 if shouted and each.isalpha() else 1.0 for each in word)
