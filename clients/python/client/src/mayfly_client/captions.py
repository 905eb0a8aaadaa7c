"""Captions of speech: SRT, WebVTT and JSON, from the times that come with it.

    speech = client.speak("Hello there. How are you?")
    Path("hello.vtt").write_text(captions.webvtt(speech.segments), encoding="utf-8")

The segments of a stream serve as well, once they have come. A sentence that is longer than two lines is shown in parts,
cut between words, as long as the times of its words are known.
"""

from __future__ import annotations

import json
import textwrap
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from mayfly_client._results_synth import Mark, Segment, Word

_LINE: Final = 42
"""Characters in a line: what broadcasters show."""
_LINES: Final = 2
FORMATS: Final = ("srt", "vtt", "json")


@dataclass(frozen=True, slots=True)
class Cue:
    """What is shown at a time."""

    start: timedelta
    end: timedelta
    text: str


def cues(segments: Iterable[Segment]) -> list[Cue]:
    """What to show and when, in order."""
    return [cue for segment in segments for cue in _cues_of(segment)]


def srt(segments: Iterable[Segment]) -> str:
    """SubRip."""
    blocks = [
        f"{number}\n{_time(cue.start, ',')} --> {_time(cue.end, ',')}\n{_wrapped(cue.text.replace('-->', '→'))}\n"
        for number, cue in enumerate(cues(segments), start=1)
    ]
    return "\n".join(blocks)


def webvtt(segments: Iterable[Segment]) -> str:
    """WebVTT, for `<track>` in a page."""
    blocks = [
        f"{_time(cue.start, '.')} --> {_time(cue.end, '.')}\n{_escaped(_wrapped(cue.text))}\n" for cue in cues(segments)
    ]
    return "\n".join(["WEBVTT\n", *blocks])


def as_json(segments: Iterable[Segment], marks: Iterable[Mark] = ()) -> str:
    """Everything that is known: sentences, words and marks, in seconds."""
    told = {
        "segments": [_told(segment) for segment in segments],
        "marks": [{"name": mark.name, "offset": mark.offset.total_seconds()} for mark in marks],
    }
    return json.dumps(told, ensure_ascii=False, indent=2) + "\n"


def format_of(path: str | Path) -> str:
    """The format that a file's suffix stands for; ValueError if it stands for none."""
    suffix = Path(path).suffix.lower().removeprefix(".")
    if suffix not in FORMATS:
        msg = f"{path}: captions are written as .srt, .vtt or .json"
        raise ValueError(msg)
    return suffix


def write(path: str | Path, segments: Sequence[Segment], marks: Sequence[Mark] = ()) -> None:
    """Write the captions in the format that the file's suffix stands for; ValueError if it stands for none."""
    made: dict[str, Callable[[], str]] = {
        "srt": lambda: srt(segments),
        "vtt": lambda: webvtt(segments),
        "json": lambda: as_json(segments, marks),
    }
    Path(path).write_text(made[format_of(path)](), encoding="utf-8")


def _cues_of(segment: Segment) -> Iterator[Cue]:
    """A sentence, in parts if it is too long to be shown and its words are known."""
    if len(segment.graphemes) <= _LINE * _LINES or not segment.words:
        yield Cue(segment.start, segment.end, _flat(segment.graphemes))
        return
    places, words = _places(segment), segment.words
    first = 0
    for number in range(1, len(words) + 1):
        end = places[number] if number < len(words) else len(segment.graphemes)
        following = places[number + 1] if number + 1 < len(words) else len(segment.graphemes)
        if number < len(words) and following - places[first] <= _LINE * _LINES:
            continue
        yield Cue(
            _start(segment, words, first), _end(segment, words, number), _flat(segment.graphemes[places[first] : end])
        )
        first = number


def _places(segment: Segment) -> list[int]:
    """Where each word begins in the sentence; the first one with what stands before it."""
    places: list[int] = []
    at = 0
    for word in segment.words:
        found = segment.graphemes.find(word.graphemes, at)
        places.append(max(found, at))
        at = places[-1] + len(word.graphemes)
    return [0, *places[1:]]


def _start(segment: Segment, words: Sequence[Word], first: int) -> timedelta:
    return segment.start if first == 0 else words[first].start


def _end(segment: Segment, words: Sequence[Word], following: int) -> timedelta:
    """Shown until the next part comes, so that nothing flickers."""
    return segment.end if following == len(words) else words[following].start


def _told(segment: Segment) -> dict[str, Any]:
    return {
        "index": segment.index,
        "start": segment.start.total_seconds(),
        "end": segment.end.total_seconds(),
        "text": segment.graphemes,
        "phonemes": segment.phonemes,
        "words": [
            {"text": word.graphemes, "start": word.start.total_seconds(), "end": word.end.total_seconds()}
            for word in segment.words
        ],
        "words_estimated": segment.words_estimated,
    }


def _time(moment: timedelta, point: str) -> str:
    milliseconds = round(moment / timedelta(milliseconds=1))
    seconds, milliseconds = divmod(milliseconds, 1_000)
    return f"{seconds // 3_600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{point}{milliseconds:03}"


def _wrapped(text: str) -> str:
    """In lines of about the same length."""
    if len(text) <= _LINE:
        return text
    lines = textwrap.wrap(
        text, max(_LINE, len(text) // _LINES + 8) if len(text) > _LINE * _LINES else len(text) // 2 + 8
    )
    return "\n".join(lines)


def _flat(text: str) -> str:
    return " ".join(text.split())


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
