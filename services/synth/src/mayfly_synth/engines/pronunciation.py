"""From a sentence to the phonemes that Piper speaks.

Piper's phonemizer splits what it gets into sentences of its own, and takes a few notations for more than text. Both are
evened out here, so that one sentence of ours is one inference, and plain text is plain text.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from piper import PiperVoice

# Marks that Piper keeps among the phonemes. They are heard as pauses and intonation, not as sounds.
MARKS: Final = frozenset(" .,:;!?…—-'\"()¡¿«»“”‘’")  # noqa: RUF001 - they are quotation marks
_INNER_ELLIPSIS: Final = re.compile(r"\s*(?:\.{2,}|…|‥)\s*(?=\S)")
_LAST_ELLIPSIS: Final = re.compile(r"\s*(?:\.{2,}|…|‥)$")


def pronounce(piper: PiperVoice, sentence: str) -> list[str]:
    """The phonemes of a sentence; empty if nothing in it can be pronounced.

    Safe to call from many threads: Piper holds its own lock around espeak, which knows only one text at a time.
    """
    phonemes = joined(piper.phonemize(plain(sentence)))
    return phonemes if any(_sounds(piper, phoneme) for phoneme in phonemes) else []


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


def _sounds(piper: PiperVoice, phoneme: str) -> bool:
    return phoneme not in MARKS and phoneme in piper.config.phoneme_id_map
