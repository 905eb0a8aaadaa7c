"""What belongs to a written word: letters, digits, and the signs that stand on them.

Many scripts write vowels and tones as marks on the letter before them (`नदी`, `ที่`), which Python takes for no part of a
word; and Persian and Hindi words are held together by joiners, which cannot be seen.
"""

from __future__ import annotations

import unicodedata
from typing import Final

_JOINERS: Final = "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}"
# They choose how an emoji looks.
_SELECTORS: Final = frozenset(map(chr, range(0xFE00, 0xFE10)))
_SPACING_CONTROLS: Final = frozenset("\t\n\r")
"""What people type between words and lines. Every other control character is a fault of the caller's encoding."""


def is_control(character: str) -> bool:
    """Whether it is a control character that no text has."""
    return unicodedata.category(character) == "Cc" and character not in _SPACING_CONTROLS


def is_mark(character: str) -> bool:
    """Whether it is a part of the word of the letter before it, and no letter itself."""
    return unicodedata.category(character) in ("Mn", "Mc") and character not in _SELECTORS


def goes_on(character: str) -> bool:
    """Whether a word goes on at a character that is no letter or digit."""
    return is_mark(character) or character in _JOINERS


def unmarked(word: str) -> str:
    """A word without what stands on its letters, and between them unseen."""
    return word if word.isascii() else "".join(each for each in word if not goes_on(each))


def bare(word: str) -> str:
    """A word without the punctuation around it; empty if it is nothing else."""
    places = [place for place, character in enumerate(word) if character.isalnum() or character == "_"]
    if not places:
        return ""
    end = places[-1] + 1
    while end < len(word) and is_mark(word[end]):
        end += 1
    return word[places[0] : end]


def folded(word: str) -> str:
    """A word as it is compared, whatever its case: in NFC, and as long as that."""
    return "".join(map(_folded, unicodedata.normalize("NFC", word)))


def _folded(character: str) -> str:
    """One character for one, so that places stay: the sigma at a word's end is a sigma, `İ` is an i, `ß` stays."""
    small = character.casefold()
    return small if len(small) == 1 else character.lower()[0]
