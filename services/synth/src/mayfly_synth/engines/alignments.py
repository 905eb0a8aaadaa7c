"""When words are heard, out of the lengths of their phonemes.

espeak says words as people do, not as they are written: `of the` is one word to it, `42` are two. Which written word a
spoken one belongs to is certain only where all words are plain and there are as many of one as of the other. Elsewhere
no words are answered, rather than guessed ones.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from piper.const import BOS, PAD

from mayfly_synth.domain.timeline import SpokenWord
from mayfly_synth.engines.pronunciation import MARKS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

# Letters, and apostrophes between them. Capitals may come at the start only: others may be spelled out.
_PLAIN = re.compile(r"[^\W\d_](?:['’]?[^\W\d_A-Z])*")  # noqa: RUF001 - it is an apostrophe
_AROUND = re.compile(r"^[^\w]+|[^\w]+$")


@dataclass(frozen=True, slots=True)
class Lengths:
    """How long everything in a sentence lasts, as the voice says."""

    id_map: Mapping[str, Sequence[int]]
    """The voice's ids of each phoneme."""
    id_samples: NDArray[np.int64]
    """How many samples each id of the sentence lasts."""

    def bounds(self, phonemes: Sequence[str]) -> list[int]:
        """The sample at which each phoneme begins, and that at which the last one ends.

        Piper puts a padding id after each phoneme, and leaves out those that the voice does not know.
        """
        padding = len(self.id_map[PAD])
        used = len(self.id_map[BOS]) + padding
        ends = self.id_samples.cumsum()
        bounds = [int(ends[used - 1])]
        for phoneme in phonemes:
            used += len(self.id_map[phoneme]) + padding if phoneme in self.id_map else 0
            bounds.append(int(ends[used - 1]))
        return bounds


def words_of(sentence: str, phonemes: Sequence[str], lengths: Lengths, *, samples: int) -> tuple[SpokenWord, ...]:
    """The words of a sentence with their times; empty where they are not certain.

    Args:
        sentence: As it was written.
        phonemes: As it was spoken.
        lengths: How long its phonemes last.
        samples: How many samples it has.
    """
    written = [word for token in sentence.split() if (word := _AROUND.sub("", token))]
    if not all(_PLAIN.fullmatch(word) for word in written) or int(lengths.id_samples.sum()) != samples:
        return ()
    spans = _spans(phonemes, lengths.bounds(phonemes))
    if len(spans) != len(written):
        return ()
    return tuple(SpokenWord(word, start, end) for word, (start, end) in zip(written, spans, strict=True))


def _spans(phonemes: Sequence[str], bounds: Sequence[int]) -> list[tuple[int, int]]:
    """Where each spoken word begins and ends, in samples."""
    spans: list[tuple[int, int]] = []
    inside = False
    for phoneme, (start, end) in zip(phonemes, pairwise(bounds), strict=True):
        sounds = phoneme not in MARKS
        if sounds and inside:
            spans[-1] = (spans[-1][0], end)
        elif sounds:
            spans.append((start, end))
        inside = sounds
    return spans
