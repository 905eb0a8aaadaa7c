"""When each sentence is heard, counted in samples so that nothing drifts."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import timedelta

from mayfly_synth.domain.speech import SAMPLE_BYTES


@dataclass(frozen=True, slots=True)
class SpokenWord:
    """A word of a spoken sentence, in samples from the sentence's start."""

    graphemes: str
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SpokenSentence:
    """What a voice made of one sentence."""

    pcm: bytes = field(repr=False)
    """16-bit little-endian mono samples; empty if nothing in the sentence can be pronounced."""
    phonemes: str
    words: tuple[SpokenWord, ...] = ()
    """Empty where the voice does not tell when its words begin and end."""

    @property
    def samples(self) -> int:
        """Its length in samples."""
        return len(self.pcm) // SAMPLE_BYTES


@dataclass(frozen=True, slots=True)
class Word:
    """A word and when it is heard, from the start of the file."""

    graphemes: str
    start: timedelta
    end: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A sentence and when it is heard, from the start of the file. Without times where it was only pronounced."""

    index: int
    graphemes: str
    phonemes: str
    start: timedelta = timedelta()
    end: timedelta = timedelta()
    words: tuple[Word, ...] = ()


class Timeline:
    """Lays sentences one after the other, and hands each out once it has been heard."""

    __slots__ = ("_due", "_rate", "samples", "segments")

    def __init__(self, *, sample_rate: int) -> None:
        self._rate = sample_rate
        self._due: deque[Segment] = deque()
        self.samples = 0
        """Length of everything so far, silences included."""
        self.segments: list[Segment] = []
        """Everything that was said so far."""

    def add(self, graphemes: str, spoken: SpokenSentence, *, silence: int) -> None:
        """Put a sentence at the end.

        Args:
            graphemes: The sentence as it was written.
            spoken: What the voice made of it.
            silence: Samples of silence after it; no part of the segment.
        """
        start = self.samples
        segment = Segment(
            index=len(self.segments),
            graphemes=graphemes,
            phonemes=spoken.phonemes,
            start=self._time(start),
            end=self._time(start + spoken.samples),
            words=tuple(
                Word(word.graphemes, self._time(start + word.start), self._time(start + word.end))
                for word in spoken.words
            ),
        )
        self.samples += spoken.samples + silence
        self.segments.append(segment)
        self._due.append(segment)

    @property
    def duration(self) -> timedelta:
        """Length of everything so far."""
        return self._time(self.samples)

    def heard(self, until: timedelta) -> list[Segment]:
        """The segments that end by `until` and were not handed out before."""
        heard: list[Segment] = []
        while self._due and self._due[0].end <= until:
            heard.append(self._due.popleft())
        return heard

    def rest(self) -> list[Segment]:
        """The segments that were not handed out before."""
        rest = list(self._due)
        self._due.clear()
        return rest

    def _time(self, samples: int) -> timedelta:
        return timedelta(seconds=samples / self._rate)
