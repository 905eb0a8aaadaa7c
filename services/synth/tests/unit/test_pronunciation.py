# ruff: noqa: RUF001 - phonemes look like letters
from __future__ import annotations

import pytest

from mayfly_synth.engines.pronunciation import joined, plain


@pytest.mark.parametrize(
    ("sentence", "told"),
    [
        ("Hello there.", "Hello there."),
        ("Say [[hɛloʊ]] now", "Say [ [hɛloʊ]] now"),
        ("Wait... and go", "Wait, and go"),
        ("Wait … and go …", "Wait, and go."),
        ("Wait...", "Wait."),
        ("... and then", "and then"),
        ("...", "."),
        ("3.14 and a.b", "3.14 and a.b"),
    ],
)
def test_a_sentence_is_told_so_that_piper_takes_it_for_text(sentence: str, told: str) -> None:
    assert plain(sentence) == told


@pytest.mark.parametrize(
    ("parts", "whole"),
    [
        ([], ""),
        (["dɑk."], "dɑk."),
        (["dɑktɚ.", "smɪθ."], "dɑktɚ smɪθ."),
        (["stɑp!", "hi sɛd."], "stɑp! hi sɛd."),
        (["wʌn, ", "tu."], "wʌn, tu."),
    ],
)
def test_parts_are_joined_without_the_full_stops_inside(parts: list[str], whole: str) -> None:
    assert "".join(joined([list(part) for part in parts])) == whole
