# ruff: noqa: RUF001 - phonemes look like letters
from __future__ import annotations

import pytest

from mayfly_synth.domain.errors import PhonemesUnknownError
from mayfly_synth.domain.lexicon import Lexicon, is_pronunciation
from mayfly_synth.domain.utterance import Manner, Piece
from mayfly_synth.domain.voices import Voice

VOICE = Voice(
    name="v",
    language_code="en",
    language="English",
    quality="low",
    sample_rate=16_000,
    phonemes=frozenset("dʒɪf t͡ˈ"),
)


def said(text: str, **entries: str) -> list[tuple[str, str]]:
    lexicon = Lexicon([(word.replace("_", " "), how) for word, how in entries.items()], VOICE)
    return [(piece.written, piece.said) for piece in lexicon.applied(Piece.plain(text))]


def test_a_word_is_said_as_it_was_told() -> None:
    assert said("A gif.", gif="jif") == [("A ", "A "), ("gif", "jif"), (".", ".")]


def test_case_does_not_matter_and_stays_as_it_was_written() -> None:
    assert said("GIF and Gif", gif="jif") == [("GIF", "jif"), (" and ", " and "), ("Gif", "jif")]


def test_only_whole_words_are_looked_up() -> None:
    assert said("gifs, regif, gif_", gif="jif") == [("gifs, regif, gif_", "gifs, regif, gif_")]


def test_the_longest_words_win() -> None:
    assert said("New York Times", New_York="NY", New_York_Times="the Times") == [("New York Times", "the Times")]


def test_what_is_said_is_not_looked_up_again() -> None:
    assert said("one", one="two", two="three") == [("one", "two")]


def test_what_is_said_otherwise_already_is_left() -> None:
    lexicon = Lexicon([("gif", "jif")], VOICE)

    assert list(lexicon.applied(Piece("gif", "giff"))) == [Piece("gif", "giff")]


def test_phonemes_are_taken_sign_by_sign() -> None:
    lexicon = Lexicon([("gif", "[[ dʒˈɪf ]]")], VOICE)

    assert list(lexicon.applied(Piece.plain("gif"))) == [Piece("gif", "dʒˈɪf", Manner.PHONEMES)]


def test_phonemes_that_the_voice_does_not_know_are_named() -> None:
    with pytest.raises(PhonemesUnknownError, match="q x"):
        Lexicon([("gif", "[[dxqf]]")], VOICE)


def test_letters_whose_small_form_is_longer_shift_nothing() -> None:
    assert said("İ gif", gif="jif") == [("İ ", "İ "), ("gif", "jif")]


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("İstanbul", "İstanbul"),
        ("istanbul", "İSTANBUL"),
        ("οδος", "ΟΔΟΣ"),
        ("Straße", "STRAẞE"),
        ("नदी", "नदी"),
        ("می\u200cخواهم", "می\u200cخواهم"),
    ],
)
def test_case_does_not_matter_in_any_script(word: str, text: str) -> None:
    assert said(f"{text}.", **{word: "b"}) == [(text, "b"), (".", ".")]


@pytest.mark.parametrize(("word", "text"), [("नद", "नदी"), ("म", "कीम"), ("خواهم", "می\u200cخواهم")])
def test_a_word_goes_on_with_the_marks_on_its_letters(word: str, text: str) -> None:
    assert said(text, **{word: "b"}) == [(text, text)]


@pytest.mark.parametrize(
    ("how", "is_one"),
    [
        ("jif", True),
        ("[[dʒɪf]]", True),
        ("", False),
        (" ", False),
        ("a [[b]]", False),
        ("[[a]] [[b]]", False),
        ("[[]]", False),
        ("[[ ]]", False),
        ("a\0b", False),
        ("a\x1bb", False),
        ("a\tb", True),
    ],
)
def test_a_pronunciation_is_words_or_one_block_of_phonemes(how: str, is_one: bool) -> None:  # noqa: FBT001 - a table
    assert is_pronunciation(how) is is_one
