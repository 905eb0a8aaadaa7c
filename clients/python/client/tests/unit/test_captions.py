from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from mayfly_client import Mark, Segment, captions
from mayfly_client.results import Word

if TYPE_CHECKING:
    from pathlib import Path

LONG = (
    "The morning train was late again, but nobody on the platform of the little station by the sea seemed to mind it."
)


def ms(milliseconds: float) -> timedelta:
    return timedelta(milliseconds=milliseconds)


def segment(text: str, start: float, end: float, *, words: bool = True, index: int = 0) -> Segment:
    """A sentence whose words are equally long."""
    written = text.replace(",", "").rstrip(".").split()
    length = (end - start) / len(written)
    spoken = [
        Word(graphemes=word, start=ms(start + i * length), end=ms(start + (i + 1) * length))
        for i, word in enumerate(written)
    ]
    return Segment(
        index=index,
        graphemes=text,
        phonemes="",
        start=ms(start),
        end=ms(end),
        words=tuple(spoken) if words else (),
        words_estimated=False,
        audio=None,
    )


TWO = [segment("Hello there.", 0, 970), segment("How <are> you & me?", 3_601_170, 3_602_500, index=1)]


def test_srt_is_numbered_and_has_commas_in_its_times() -> None:
    assert captions.srt(TWO) == (
        "1\n00:00:00,000 --> 00:00:00,970\nHello there.\n\n2\n01:00:01,170 --> 01:00:02,500\nHow <are> you & me?\n"
    )


def test_webvtt_has_its_head_and_escapes_what_would_be_markup() -> None:
    assert captions.webvtt(TWO) == (
        "WEBVTT\n\n"
        "00:00:00.000 --> 00:00:00.970\nHello there.\n"
        "\n"
        "01:00:01.170 --> 01:00:02.500\nHow &lt;are&gt; you &amp; me?\n"
    )


def test_nothing_said_is_a_file_without_cues() -> None:
    assert captions.srt([]) == ""
    assert captions.webvtt([]) == "WEBVTT\n"


def test_an_arrow_in_a_text_ends_no_cue() -> None:
    shown = [segment("a --> b.", 0, 100)]

    assert captions.srt(shown).count("-->") == 1
    assert captions.webvtt(shown).count("-->") == 1


def test_a_long_sentence_is_shown_in_parts_that_follow_each_other() -> None:
    shown = captions.cues([segment(LONG, 1_000, 9_000)])

    assert len(shown) == 2
    assert " ".join(cue.text for cue in shown) == LONG
    assert (shown[0].start, shown[-1].end) == (ms(1_000), ms(9_000))
    assert shown[0].end == shown[1].start
    assert all(len(cue.text) <= 84 for cue in shown)


def test_without_words_a_long_sentence_is_shown_as_a_whole() -> None:
    assert [cue.text for cue in captions.cues([segment(LONG, 0, 100, words=False)])] == [LONG]


def test_what_is_shown_has_two_lines_at_most() -> None:
    assert all(len(block.splitlines()) <= 4 for block in captions.srt([segment(LONG, 0, 9_000)]).split("\n\n"))


def test_json_has_everything() -> None:
    told = json.loads(captions.as_json(TWO, [Mark(name="m", offset=ms(500))]))

    assert told["marks"] == [{"name": "m", "offset": 0.5}]
    assert told["segments"][0]["words"][1] == {"text": "there", "start": 0.485, "end": 0.97}
    assert told["segments"][1]["text"] == "How <are> you & me?"
    assert told["segments"][0]["words_estimated"] is False


@pytest.mark.parametrize(("name", "begins"), [("a.srt", "1\n"), ("a.VTT", "WEBVTT\n"), ("a.json", "{")])
def test_the_suffix_says_the_format(tmp_path: Path, name: str, begins: str) -> None:
    captions.write(tmp_path / name, TWO)

    assert (tmp_path / name).read_text(encoding="utf-8").startswith(begins)


@pytest.mark.parametrize("name", ["a.txt", "a", ".srt"])
def test_another_suffix_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"\.srt, \.vtt or \.json"):
        captions.format_of(name)
