"""When words are heard, out of the lengths of their phonemes.

Which written word a spoken one belongs to is certain where there are as many of one as of the other; that is looked at
clause by clause. Elsewhere words are laid over their clause by their weights, and the answer says that it is an
estimate. So it is for voices that do not tell how long their phonemes last.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Final

from piper.const import BOS, PAD

from mayfly_synth.domain.timeline import SpokenWord
from mayfly_synth.engines.pronunciation import words_in

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from mayfly_synth.engines.wording import Token

Span = tuple[int, int]

_CLAUSE_MARKS: Final = frozenset(",;:.!?…—")
# Beside a sound of 1: what estimated lengths are made of.
_LENGTHS: Final = {
    "\N{MODIFIER LETTER VERTICAL LINE}": 0.0,  # stress
    "\N{MODIFIER LETTER LOW VERTICAL LINE}": 0.0,
    "\N{MODIFIER LETTER TRIANGULAR COLON}": 0.6,  # a long vowel
    " ": 0.2,
    **dict.fromkeys(",;:", 2.5),
    **dict.fromkeys(".!?", 2.0),
}


@dataclass(frozen=True, slots=True)
class Lengths:
    """How long everything in an utterance lasts, as the voice says."""

    id_map: Mapping[str, Sequence[int]]
    """The voice's ids of each phoneme."""
    id_samples: NDArray[np.int64]
    """How many samples each id of the utterance lasts."""

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


@dataclass(frozen=True, slots=True)
class TimedWords:
    """Words, and whether the times of any are estimated."""

    words: tuple[SpokenWord, ...]
    estimated: bool


def estimated_bounds(phonemes: Sequence[str], samples: int) -> list[int]:
    """Bounds as those of `Lengths`, where the voice does not tell them."""
    lengths = [1.0, *(_LENGTHS.get(phoneme, 1.0) for phoneme in phonemes), 1.0]
    total = sum(lengths)
    return [round(samples * end / total) for end in accumulate(lengths[:-1])]


def timed_words(
    tokens: Sequence[Token], phonemes: Sequence[str], bounds: Sequence[int], *, estimated: bool
) -> TimedWords:
    """The written words of an utterance with their times.

    Args:
        tokens: The written words.
        phonemes: As it was spoken.
        bounds: When each phoneme begins, and when the last one ends.
        estimated: Whether the bounds are.
    """
    clauses = _clauses(tokens, phonemes, bounds)
    words: list[SpokenWord] = []
    for written, spoken in clauses:
        certain = _assigned(written, spoken)
        estimated = estimated or certain is None
        spans = _laid_over(written, spoken) if certain is None else certain
        words += [SpokenWord(token.written, *span) for token, span in zip(written, spans, strict=True)]
    return TimedWords(tuple(words), estimated and bool(words))


def _clauses(
    tokens: Sequence[Token], phonemes: Sequence[str], bounds: Sequence[int]
) -> list[tuple[list[Token], list[Span]]]:
    """Written and spoken words side by side, clause by clause if there are as many clauses of both."""
    written: list[list[Token]] = [[]]
    for token in tokens:
        written[-1].append(token)
        if token.ends_clause:
            written.append([])
    spoken: list[list[Span]] = [[]]
    for (start, end), (following, _) in pairwise([*words_in(phonemes), (len(phonemes), 0)]):
        spoken[-1].append((bounds[start], bounds[end]))
        if any(sign in _CLAUSE_MARKS for sign in phonemes[end:following]):
            spoken.append([])
    pairs = [clause for clause in written if clause], [clause for clause in spoken if clause]
    if len(pairs[0]) == len(pairs[1]):
        return list(zip(*pairs, strict=True))
    whole = list(tokens), [span for clause in spoken for span in clause]
    return [whole] if all(whole) else []


def _assigned(written: Sequence[Token], spoken: Sequence[Span]) -> list[Span] | None:
    """The span of each written word, if they are certain."""
    counts = [token.spoken_words for token in written]
    if None in counts or sum(count or 0 for count in counts) != len(spoken) or 0 in counts:
        return None
    ends = list(accumulate(count or 0 for count in counts))
    return [(spoken[end - (count or 0)][0], spoken[end - 1][1]) for end, count in zip(ends, counts, strict=True)]


def _laid_over(written: Sequence[Token], spoken: Sequence[Span]) -> list[Span]:
    """The span of each written word, by the weights of the words."""
    start, length = spoken[0][0], spoken[-1][1] - spoken[0][0]
    total = sum(token.weight for token in written)
    ends = [start + round(length * end / total) for end in accumulate(token.weight for token in written)]
    return list(pairwise([start, *ends]))
