from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mayfly_synth.domain.composing import Composer, Mark, plain_script
from mayfly_synth.domain.lexicon import Lexicon
from mayfly_synth.domain.utterance import MarkedPlace, Piece, Utterance
from mayfly_synth.domain.voices import Voice

VOICE = Voice(name="v", language_code="en", language="English", quality="low", sample_rate=16_000)


def composer(longest: int = 400, **entries: str) -> Composer:
    return Composer(lexicon=Lexicon(list(entries.items()), VOICE), longest=longest)


def shown(utterances: list[Utterance]) -> list[list[tuple[str, str]]]:
    return [[(piece.written, piece.said) for piece in each.pieces] for each in utterances]


def test_a_sentence_is_one_utterance() -> None:
    assert composer().sentence("One two.") == [Utterance.of("One two.")]


def test_what_is_said_may_be_longer_than_an_utterance() -> None:
    found = composer(longest=20, it="a very long word").sentence("It is it.")

    assert shown(found) == [[("It", "a very long word"), (" is ", " is ")], [("it", "a very long word"), (".", ".")]]
    assert all(each.characters <= 20 for each in found)


def test_a_piece_that_is_too_long_is_cut_and_written_once() -> None:
    found = composer(longest=10).passage([Piece("W3C", "World Wide Web Consortium")])

    assert [each.written for each in found] == ["W3C", "", ""]
    assert [each.pieces[0].said for each in found] == ["World Wide", "Web", "Consortium"]


def test_words_that_a_cut_parted_stay_apart() -> None:
    found = composer(longest=10).passage([Piece("W", "abcdefgh cd")])

    assert [[piece.said for piece in each.pieces] for each in found] == [["abcdefgh"], ["cd"]]


def test_sentences_end_where_they_do_in_plain_text() -> None:
    parts = [Piece.plain("One. See "), Piece("W3C", "the consortium"), Piece.plain(" and more. "), Piece.plain("Two.")]

    found = composer().passage(parts)

    assert [each.written for each in found] == ["One.", "See W3C and more.", "Two."]


def test_a_piece_that_is_said_otherwise_ends_no_sentence() -> None:
    found = composer().passage([Piece("etc.", "and so on"), Piece.plain(" And more.")])

    assert [each.written for each in found] == ["etc. And more."]


def test_marks_lie_before_words() -> None:
    parts: list[Piece | Mark] = [
        Mark("a"),
        Piece.plain("One two"),
        Mark("b"),
        Piece.plain(" three. "),
        Mark("c"),
        Piece.plain("Four."),
        Mark("d"),
    ]

    first, second = composer().passage(parts)

    assert first.marks == (MarkedPlace("a", 0), MarkedPlace("b", 2))
    assert second.marks == (MarkedPlace("c", 0), MarkedPlace("d", 1))


def test_only_what_is_a_word_is_counted_before_a_mark() -> None:
    parts = [
        Piece.plain('"One" - '),
        Mark("after punctuation"),
        Piece("W3C", "the consortium"),
        Piece.plain("'s 5"),
        Piece("km", "kilometres"),
        Mark("after parts of words"),
        Piece.plain("."),
    ]

    [utterance] = composer().passage(parts)

    assert utterance.marks == (MarkedPlace("after punctuation", 1), MarkedPlace("after parts of words", 5))


def test_marks_without_words_are_an_utterance_without_a_sound() -> None:
    assert composer().passage([Piece.plain(" "), Mark("a")]) == [Utterance(pieces=(), marks=(MarkedPlace("a", 0),))]


@pytest.mark.parametrize("text", ["", "  "])
def test_no_words_are_no_utterance(text: str) -> None:
    assert composer().passage([Piece.plain(text)]) == []


@given(st.text("ab .!\n", max_size=60), st.integers(2, 30))
def test_no_word_of_a_text_is_lost(text: str, longest: int) -> None:
    script = plain_script(text, composer(longest))

    assert "".join("".join(each.written.split()) for each in script.utterances) == "".join(text.split())
    assert all(each.characters <= longest for each in script.utterances)


@given(
    st.lists(st.sampled_from([Piece.plain("One. "), Piece.plain("two"), Piece("3", "three"), Mark("m")]), max_size=8)
)
def test_no_piece_and_no_mark_of_a_passage_is_lost(parts: list[Piece | Mark]) -> None:
    found = composer().passage(parts)

    pieces = "".join(part.written for part in parts if isinstance(part, Piece))
    assert "".join("".join(each.written.split()) for each in found) == "".join(pieces.split())
    assert sum(len(each.marks) for each in found) == sum(isinstance(part, Mark) for part in parts)
