"""When each sentence is heard, counted in samples so that nothing drifts."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from mayfly_synth.domain.speech import SAMPLE_BYTES

if TYPE_CHECKING:
    from mayfly_synth.domain.utterance import Utterance


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
    words_estimated: bool = False
    """Whether the times of some of the words are estimated and not the voice's own."""

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
    words_estimated: bool = False


@dataclass(frozen=True, slots=True)
class PassedMark:
    """A mark of the text and when it is passed, from the start of the file."""

    name: str
    offset: timedelta


class Timeline:
    """Lays sentences one after the other, and hands each out once it has been heard."""

    __slots__ = ("_due", "_rate", "marks", "samples", "segments")

    def __init__(self, *, sample_rate: int) -> None:
        self._rate = sample_rate
        self._due: deque[Segment] = deque()
        self.samples = 0
        """Length of everything so far, silences included."""
        self.segments: list[Segment] = []
        """Everything that was said so far."""
        self.marks: list[PassedMark] = []
        """Every mark that was passed so far."""

    def add(self, utterance: Utterance, spoken: SpokenSentence, *, silence: int) -> None:
        """Put an utterance at the end. One without a sound is no segment.

        Args:
            utterance: As it was written.
            spoken: What the voice made of it.
            silence: Samples of silence after it; no part of the segment.
        """
        start = self.samples
        self._pass(utterance, spoken)
        self.samples += spoken.samples + silence
        if not spoken.samples:
            return
        segment = Segment(
            index=len(self.segments),
            graphemes=utterance.written,
            phonemes=spoken.phonemes,
            start=self._time(start),
            end=self._time(start + spoken.samples),
            words=tuple(
                Word(word.graphemes, self._time(start + word.start), self._time(start + word.end))
                for word in spoken.words
            ),
            words_estimated=spoken.words_estimated,
        )
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

    def _pass(self, utterance: Utterance, spoken: SpokenSentence) -> None:
        """Note its marks: each at the start of the word after it, or at the end of all words."""
        for mark in utterance.marks:
            within = spoken.words[mark.words_before :] if mark.words_before else ()
            at = within[0].start if within else spoken.samples if mark.words_before else 0
            self.marks.append(PassedMark(mark.name, self._time(self.samples + at)))

    def _time(self, samples: int) -> timedelta:
        return timedelta(seconds=samples / self._rate)
