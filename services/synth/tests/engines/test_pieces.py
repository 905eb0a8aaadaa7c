# ruff: noqa: RUF001 - phonemes look like letters
"""Pieces of a sentence that are said otherwise than they are written: as phonemes, as other words, as letters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mayfly_synth.domain.call import Call
from mayfly_synth.domain.utterance import Manner, Piece, Utterance

if TYPE_CHECKING:
    from mayfly_synth.domain.speech import Delivery
    from mayfly_synth.engines.piper import PiperEngine


async def test_a_piece_is_said_otherwise_than_it_is_written(engine: PiperEngine, delivery: Delivery) -> None:
    pieces = (
        Piece("A ", "A "),
        Piece("gif", "dʒˈɪf", Manner.PHONEMES),
        Piece(" by ", " by "),
        Piece("WW", "double you"),
    )

    spoken = await engine.speak(Utterance(pieces=pieces), delivery, call=Call())

    assert spoken.phonemes == "ˈeɪ dʒˈɪf baɪ dˈʌbəl juː"
    assert [word.graphemes for word in spoken.words] == ["A", "gif", "by", "WW"]
    assert not spoken.words_estimated


@pytest.mark.parametrize(
    ("before", "after", "phonemes"),
    [
        ("", ", please.", "dʒˈɪf, plˈiːz."),
        ("", "! Now", "dʒˈɪf! nˈaʊ"),
        ("", '" he said', "dʒˈɪf hiː sˈɛd"),
        ('She said "', '".', 'ʃiː sˈɛd dʒˈɪf".'),
        ("Red (", ") it is", "ɹˈɛd dʒˈɪf ɪɾ ˈɪz"),
        ("Red, ", ". Smith", "ɹˈɛd, dʒˈɪf smˈɪθ"),
        ("sub-", "-ray", "sˈʌbdʒˈɪfɹˈeɪ"),
    ],
)
async def test_punctuation_around_phonemes_neither_joins_words_nor_is_lost(
    engine: PiperEngine, delivery: Delivery, before: str, after: str, phonemes: str
) -> None:
    pieces = Piece.plain(before), Piece("gif", "dʒˈɪf", Manner.PHONEMES), Piece.plain(after)

    spoken = await engine.speak(Utterance(pieces=pieces), delivery, call=Call())

    assert spoken.phonemes == phonemes


async def test_what_is_spelled_is_said_character_by_character(engine: PiperEngine, delivery: Delivery) -> None:
    utterance = Utterance(pieces=(Piece("a1-B", "a1-B", Manner.SPELLED),))

    spoken = await engine.speak(utterance, delivery, call=Call())

    assert spoken.phonemes == "ˈeɪ wˈʌn, bˈiː"
    assert [word.graphemes for word in spoken.words] == ["a1-B"]
