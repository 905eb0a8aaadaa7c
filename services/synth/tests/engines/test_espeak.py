"""Texts are read as Piper reads them, and nothing of them stays."""

from __future__ import annotations

import random
import sys
import tracemalloc

import piper
import pytest
from piper import espeakbridge
from piper.phonemize_espeak import ESPEAK_DATA_DIR

from mayfly_synth.engines.espeak import SparingBridge, install

TEXTS = {
    "en-us": [
        "Hello world.",
        "Déjà vu, and naïve Schadenfreude",
        "東京 is big",
        'I said: "ça va?" It\'s 3.5%, ok!',
        "",
    ],
    "de": ["Das ist ein cooles Meeting im Office.", "Der Song Let it be", "Über 1.000 Züge; Привет"],
    "fr": ["Le week-end au parking, very good"],
}


@pytest.fixture
def bridge() -> SparingBridge:
    made = SparingBridge(espeakbridge)
    made.initialize(str(ESPEAK_DATA_DIR))
    return made


def test_texts_of_many_languages_are_read_as_if_the_language_was_set_before_each(bridge: SparingBridge) -> None:
    chance = random.Random(7)  # noqa: S311 - the same texts each time
    asked = [(language, chance.choice(TEXTS[language])) for language in chance.choices(list(TEXTS), k=500)]
    told = []
    for language, text in asked:
        espeakbridge.set_voice(language)
        told.append(espeakbridge.get_phonemes(text))

    for (language, text), expected in zip(asked, told, strict=True):
        bridge.set_voice(language)
        assert bridge.get_phonemes(text) == expected


def test_nothing_of_a_text_stays_in_memory(bridge: SparingBridge) -> None:
    bridge.set_voice("en-us")
    for clause in bridge.get_phonemes("One, two, three."):
        assert sys.getrefcount(clause) == 3
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(1_000):
            bridge.get_phonemes("The quick brown fox jumps, over the lazy dog.")
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    # By Piper's bridge alone it is 400 bytes for each text.
    assert after - before < 20_000


class Counting:
    """A bridge that notes what is asked of it."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def initialize(self, data: str) -> None:
        self.asked.append(data)

    def set_voice(self, voice: str) -> None:
        self.asked.append(voice)
        if voice == "xx":
            raise RuntimeError("Failed to set voice: xx")


def test_a_language_is_set_when_it_changes() -> None:
    counting = Counting()
    bridge = SparingBridge(counting)

    for voice in ("de", "de", "fr", "de", "de"):
        bridge.set_voice(voice)
    bridge.initialize("data")
    bridge.set_voice("de")

    assert counting.asked == ["de", "fr", "de", "data", "de"]


def test_a_language_that_is_not_known_is_not_taken_for_set() -> None:
    counting = Counting()
    bridge = SparingBridge(counting)
    bridge.set_voice("de")

    for _ in range(2):
        with pytest.raises(RuntimeError, match="xx"):
            bridge.set_voice("xx")
    bridge.set_voice("de")

    assert counting.asked == ["de", "xx", "xx", "de"]


def test_piper_goes_through_it_however_often_it_is_installed() -> None:
    install()
    installed = piper.espeakbridge
    install()

    assert isinstance(installed, SparingBridge)
    assert piper.espeakbridge is installed
