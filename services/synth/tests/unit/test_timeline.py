from __future__ import annotations

from datetime import timedelta

from mayfly_synth.domain.timeline import PassedMark, Segment, SpokenSentence, SpokenWord, Timeline, Word
from mayfly_synth.domain.utterance import MarkedPlace, Utterance


def spoken(samples: int, *words: SpokenWord) -> SpokenSentence:
    return SpokenSentence(pcm=bytes(2 * samples), phonemes="p", words=words)


def ms(milliseconds: int) -> timedelta:
    return timedelta(milliseconds=milliseconds)


def test_sentences_lie_one_after_the_other_with_silence_between() -> None:
    timeline = Timeline(sample_rate=1000)

    timeline.add(Utterance.of("One."), spoken(500), silence=200)
    timeline.add(Utterance.of("Two."), spoken(300), silence=200)

    assert timeline.segments == [
        Segment(index=0, graphemes="One.", phonemes="p", start=ms(0), end=ms(500)),
        Segment(index=1, graphemes="Two.", phonemes="p", start=ms(700), end=ms(1000)),
    ]
    assert timeline.duration == ms(1200)
    assert timeline.samples == 1200


def test_words_are_told_from_the_start_of_the_file() -> None:
    timeline = Timeline(sample_rate=1000)
    timeline.add(Utterance.of("One."), spoken(500), silence=0)

    timeline.add(Utterance.of("Two."), spoken(300, SpokenWord("Two", 10, 250)), silence=0)

    assert timeline.segments[1].words == (Word("Two", ms(510), ms(750)),)


def test_a_segment_is_handed_out_once_and_not_before_its_end_is_heard() -> None:
    timeline = Timeline(sample_rate=1000)
    timeline.add(Utterance.of("One."), spoken(500), silence=200)
    timeline.add(Utterance.of("Two."), spoken(300), silence=200)

    assert timeline.heard(ms(499)) == []
    assert [segment.index for segment in timeline.heard(ms(500))] == [0]
    assert timeline.heard(ms(999)) == []
    assert [segment.index for segment in timeline.rest()] == [1]
    assert timeline.rest() == []


def test_an_hour_of_odd_sentences_does_not_drift() -> None:
    timeline = Timeline(sample_rate=22_050)
    for _ in range(3600):
        timeline.add(Utterance.of("x"), spoken(22_049), silence=1)

    assert timeline.segments[-1].start == timedelta(seconds=3599)
    assert timeline.duration == timedelta(hours=1)


def test_a_mark_is_passed_when_the_word_after_it_begins() -> None:
    timeline = Timeline(sample_rate=1000)
    timeline.add(Utterance.of("One."), spoken(500), silence=100)
    words = SpokenWord("Two", 10, 150), SpokenWord("three", 160, 280)
    marks = MarkedPlace("first", 0), MarkedPlace("second", 1), MarkedPlace("last", 2)
    utterance = Utterance(pieces=Utterance.of("Two three.").pieces, marks=marks)

    timeline.add(utterance, spoken(300, *words), silence=100)

    assert timeline.marks == [PassedMark("first", ms(600)), PassedMark("second", ms(760)), PassedMark("last", ms(900))]


def test_silence_alone_is_no_segment() -> None:
    timeline = Timeline(sample_rate=1000)

    timeline.add(Utterance(pieces=(), marks=(MarkedPlace("here", 0),)), spoken(0), silence=700)
    timeline.add(Utterance.of("One."), spoken(500), silence=0)

    assert [(segment.index, segment.start) for segment in timeline.segments] == [(0, ms(700))]
    assert timeline.marks == [PassedMark("here", ms(0))]
