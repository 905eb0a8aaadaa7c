from __future__ import annotations

import pytest

from mayfly_synth.domain.errors import TextEmptyError, TextTooLongError, TextUnspeakableError
from mayfly_synth.domain.text import TextIntake, prepared


def test_a_text_is_normalised_to_nfc() -> None:
    assert prepared("cafe\u0301", max_characters=4) == "café"


@pytest.mark.parametrize("text", ["", " ", "\n\t\r ", "\u00a0\u2003\u3000"])
def test_a_text_of_white_space_is_empty(text: str) -> None:
    with pytest.raises(TextEmptyError):
        prepared(text, max_characters=10)


def test_the_longest_text_is_taken_and_one_character_more_is_not() -> None:
    assert prepared("x" * 5000, max_characters=5000) == "x" * 5000
    with pytest.raises(TextTooLongError) as failed:
        prepared("x" * 5001, max_characters=5000)
    assert (failed.value.characters, failed.value.max_characters) == (5001, 5000)


def test_the_length_is_that_of_the_normal_form() -> None:
    assert len(prepared("e\u0301" * 10, max_characters=10)) == 10


@pytest.mark.parametrize("character", ["\x00", "\x07", "\x0b", "\x1b", "\x7f", "\x85", "\x9f"])
def test_a_control_character_is_named_with_its_position(character: str) -> None:
    with pytest.raises(TextUnspeakableError) as failed:
        prepared(f"Hello{character}", max_characters=100)
    assert failed.value.position == 5
    assert f"U+{ord(character):04X}" in str(failed.value)


@pytest.mark.parametrize("text", ["a\tb", "a\nb", "a\r\nb", "a\u200bb", "👩‍👩‍👧", "مرحبا", "a\u2028b"])
def test_tabs_line_ends_and_every_script_are_taken(text: str) -> None:
    assert prepared(text, max_characters=100) == text


def test_pieces_are_counted_together() -> None:
    intake = TextIntake(max_in_piece=5, max_in_all=8)
    intake.take("12345")
    intake.take("678")

    with pytest.raises(TextTooLongError) as failed:
        intake.take("9")
    assert (failed.value.characters, failed.value.max_characters) == (9, 8)


def test_a_single_piece_has_a_bound_of_its_own() -> None:
    with pytest.raises(TextTooLongError) as failed:
        TextIntake(max_in_piece=5, max_in_all=100).take("123456")
    assert failed.value.max_characters == 5


def test_a_position_in_pieces_counts_from_the_first_one() -> None:
    intake = TextIntake(max_in_piece=10, max_in_all=100)
    intake.take("12345")

    with pytest.raises(TextUnspeakableError) as failed:
        intake.take("67\x00")
    assert failed.value.position == 7


def test_pieces_of_white_space_alone_are_no_text() -> None:
    intake = TextIntake(max_in_piece=10, max_in_all=100)
    intake.take(" ")
    intake.take("")

    with pytest.raises(TextEmptyError):
        intake.end()


def test_one_word_among_blank_pieces_is_a_text() -> None:
    intake = TextIntake(max_in_piece=10, max_in_all=100)
    for piece in (" ", "word", " "):
        intake.take(piece)

    intake.end()

    assert intake.characters == 6
