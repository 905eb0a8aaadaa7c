# ruff: noqa: RUF001 - texts of many scripts
from __future__ import annotations

import pytest

from mayfly_synth.domain.sentences import SentenceBuffer, split

LONGEST = 400

SPLITS = [
    ("two plain sentences", "Hello there. How are you?", ["Hello there.", "How are you?"]),
    ("no end mark at all", "hello there", ["hello there"]),
    ("white space around", "  Hello.  \n  World. \t", ["Hello.", "World."]),
    ("several marks", "What?! No... Really!", ["What?!", "No...", "Really!"]),
    ("an ellipsis in the middle", "Wait... and then we go.", ["Wait... and then we go."]),
    ("an ellipsis as one character", "Wait… and go. Well… Yes.", ["Wait… and go.", "Well…", "Yes."]),
    ("a decimal", "It is 3.14 metres. Yes.", ["It is 3.14 metres.", "Yes."]),
    (
        "a thousands mark and a version",
        "Version 1.2.3 cost 1.000 euros. Ok.",
        ["Version 1.2.3 cost 1.000 euros.", "Ok."],
    ),
    ("an address", "See example.com/a.html now. Bye.", ["See example.com/a.html now.", "Bye."]),
    ("titles", "Dr. Smith met Mrs. Jones. They left.", ["Dr. Smith met Mrs. Jones.", "They left."]),
    ("initials", "J. R. Smith came. He sat.", ["J. R. Smith came.", "He sat."]),
    ("letters with stops", "He is in the U.S. Army. Yes.", ["He is in the U.S. Army.", "Yes."]),
    ("for example", "Cities, e.g. Paris. And i.e. London.", ["Cities, e.g. Paris.", "And i.e. London."]),
    (
        "a time before lower case",
        "At 5 p.m. we go. Then at 6 p.m. Tom comes.",
        ["At 5 p.m. we go.", "Then at 6 p.m.", "Tom comes."],
    ),
    ("a number after no.", "See No. 5 and fig. 3. Done.", ["See No. 5 and fig. 3.", "Done."]),
    ("no as an answer", "He said no. Then he left.", ["He said no.", "Then he left."]),
    ("a list", "1. Milk\n2. Eggs", ["1. Milk", "2. Eggs"]),
    (
        "a quotation that goes on",
        '"Stop!" he said. "Why?" Nobody knew.',
        ['"Stop!" he said.', '"Why?"', "Nobody knew."],
    ),
    ("closing marks", "He left. (She stayed.) “Fine.” ok", ["He left.", "(She stayed.)", "“Fine.” ok"]),
    ("lines", "Chapter One\nIt was dark\r\nand cold", ["Chapter One", "It was dark", "and cold"]),
    ("a line separator", "one\u2028two\u2029three", ["one", "two", "three"]),
    ("Chinese", "你好。你好吗？很好！", ["你好。", "你好吗？", "很好！"]),
    ("Chinese in quotation marks", "他说：“走吧。”然后走了。", ["他说：“走吧。”", "然后走了。"]),
    ("Japanese brackets", "「はい。」と言った。", ["「はい。」", "と言った。"]),
    ("Hindi", "नमस्ते। आप कैसे हैं?", ["नमस्ते।", "आप कैसे हैं?"]),
    ("Arabic", "كيف حالك؟ أنا بخير.", ["كيف حالك؟", "أنا بخير."]),
    ("only marks", "...", ["..."]),
    ("nothing", "", []),
    ("only white space", " \n\t\n ", []),
]


@pytest.mark.parametrize(("text", "sentences"), [case[1:] for case in SPLITS], ids=[case[0] for case in SPLITS])
def test_a_text_is_split_where_a_reader_would_pause(text: str, sentences: list[str]) -> None:
    assert split(text, longest=LONGEST) == sentences


@pytest.mark.parametrize("size", [1, 2, 3, 7])
@pytest.mark.parametrize("text", [case[1] for case in SPLITS], ids=[case[0] for case in SPLITS])
def test_a_text_in_pieces_is_split_as_the_whole_text_is(text: str, size: int) -> None:
    buffer = SentenceBuffer(longest=LONGEST)

    found = [sentence for start in range(0, len(text), size) for sentence in buffer.feed(text[start : start + size])]

    assert found + buffer.rest() == split(text, longest=LONGEST)


def test_a_sentence_is_answered_as_soon_as_the_next_word_begins() -> None:
    buffer = SentenceBuffer(longest=LONGEST)

    assert buffer.feed("Hello there.") == []
    assert buffer.feed(" ") == []
    assert buffer.feed("H") == ["Hello there."]


def test_a_line_end_answers_a_sentence_at_once() -> None:
    buffer = SentenceBuffer(longest=LONGEST)

    assert buffer.feed("Hello there\n") == ["Hello there"]


def test_a_buffer_is_empty_after_the_rest() -> None:
    buffer = SentenceBuffer(longest=LONGEST)
    buffer.feed("Hello.")

    assert buffer.rest() == ["Hello."]
    assert buffer.rest() == []


def test_a_long_sentence_is_cut_after_a_clause() -> None:
    text = "the first clause is here, the second one follows and it is quite long"

    assert split(text, longest=40) == ["the first clause is here,", "the second one follows and it is quite", "long"]


def test_a_long_sentence_without_clauses_is_cut_at_a_space() -> None:
    assert split("one two three four five", longest=10) == ["one two", "three four", "five"]


def test_a_word_that_is_too_long_is_cut_anywhere() -> None:
    assert split("x" * 25, longest=10) == ["x" * 10, "x" * 10, "x" * 5]


def test_a_word_that_is_too_long_is_cut_between_letters_and_not_before_their_marks() -> None:
    assert split("ที่" * 5, longest=7) == ["ที่" * 2, "ที่" * 2, "ที่"]
    assert split("a" + "\N{COMBINING CEDILLA}" * 9, longest=5) == [
        "a" + "\N{COMBINING CEDILLA}" * 4,
        "\N{COMBINING CEDILLA}" * 5,
    ]


@pytest.mark.parametrize("size", [1, 5, 50])
def test_a_stream_without_any_end_is_cut_and_loses_nothing(size: int) -> None:
    text = "word and word, " * 40
    buffer = SentenceBuffer(longest=50)

    found = [part for start in range(0, len(text), size) for part in buffer.feed(text[start : start + size])]
    found += buffer.rest()

    assert " ".join(found) == text.strip()
    assert max(map(len, found)) <= 50


def test_a_sentence_ends_with_its_line_at_once() -> None:
    buffer = SentenceBuffer(longest=LONGEST)

    assert buffer.feed("Hello.") == []
    assert buffer.feed("\n") == ["Hello."]
    assert buffer.feed("\nWhat?! \r\nAnd") == ["What?!"]
    assert buffer.rest() == ["And"]


def test_the_space_between_two_words_stays_where_a_long_sentence_is_cut() -> None:
    buffer = SentenceBuffer(longest=10)

    assert buffer.feed("one two three four  ") == ["one two"]
    assert buffer.feed("five") == ["three four"]
    assert buffer.rest() == ["five"]


def test_space_without_end_is_kept_once() -> None:
    buffer = SentenceBuffer(longest=LONGEST)
    buffer.feed("Hello.  ")

    found = [sentence for _ in range(100_000) for sentence in buffer.feed(" ")]

    assert found + buffer.feed("There") == ["Hello."]


def test_a_letter_and_its_accent_may_come_in_different_pieces() -> None:
    buffer = SentenceBuffer(longest=LONGEST)

    assert buffer.feed("The cafe") == []
    assert buffer.feed("\N{COMBINING ACUTE ACCENT} is open. Re") == ["The café is open."]
    assert buffer.feed("\N{COMBINING ACUTE ACCENT}sume") + buffer.rest() == ["Résume"]


@pytest.mark.parametrize("character", [" ", ".", "!", "\n", "。", "a", ". ", "A. ", "1. "])
def test_a_hostile_text_of_the_largest_size_is_split_without_losing_anything(character: str) -> None:
    text = (character * 5000)[:5000]

    joined = "".join(split(text, longest=LONGEST))

    assert joined.replace(" ", "") == "".join(text.split())
