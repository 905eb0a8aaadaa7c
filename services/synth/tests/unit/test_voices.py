from __future__ import annotations

import pytest

from mayfly_synth.domain.errors import LanguageError, SpeakerUnknownError, VoiceUnknownError
from mayfly_synth.domain.voices import Voice, VoiceCatalog


def voice(name: str, language_code: str, *speakers: str) -> Voice:
    return Voice(
        name=name,
        language_code=language_code,
        language="",
        quality="low",
        sample_rate=16_000,
        speakers=speakers,
    )


LESSAC = voice("en_US-lessac-medium", "en_US")
ALAN = voice("en_GB-alan-low", "en_GB")
MLS = voice("de_DE-mls-medium", "de_DE", "anna", "7", "otto")
CATALOG = VoiceCatalog([LESSAC, MLS, ALAN], default=LESSAC.name)


def test_voices_are_listed_by_name() -> None:
    assert CATALOG.speaking() == (MLS, ALAN, LESSAC)


@pytest.mark.parametrize(
    ("language_code", "found"),
    [("en", (ALAN, LESSAC)), ("en_US", (LESSAC,)), ("en-us", (LESSAC,)), ("de", (MLS,)), ("fr", ()), ("e", ())],
)
def test_voices_are_listed_by_language(language_code: str, found: tuple[Voice, ...]) -> None:
    assert CATALOG.speaking(language_code) == found


def test_the_default_voice_is_chosen_where_nothing_is_asked() -> None:
    assert CATALOG.choose() == LESSAC


@pytest.mark.parametrize(
    ("name", "language_code", "chosen"),
    [
        ("de_DE-mls-medium", "", MLS),
        ("de_DE-mls-medium", "de", MLS),
        ("", "en", LESSAC),
        ("", "en_GB", ALAN),
        ("", "de", MLS),
    ],
)
def test_a_voice_is_chosen_by_name_or_by_language(name: str, language_code: str, chosen: Voice) -> None:
    assert CATALOG.choose(name, language_code=language_code) == chosen


def test_an_unknown_voice_is_told_with_near_names() -> None:
    with pytest.raises(VoiceUnknownError) as failed:
        CATALOG.choose("EN_us-lesac-medium")
    assert (failed.value.near or "").split(", ")[0] == "en_US-lessac-medium"
    assert failed.value.voice == "EN_us-lesac-medium"


def test_a_voice_that_is_like_no_other_is_told_without_names() -> None:
    with pytest.raises(VoiceUnknownError) as failed:
        CATALOG.choose("zzz" * 10_000)
    assert failed.value.near is None
    assert len(str(failed.value)) < 300
    assert len(failed.value.voice) <= 128


def test_a_named_voice_must_speak_the_language() -> None:
    with pytest.raises(LanguageError, match="en_US-lessac-medium speaks en_US"):
        CATALOG.choose(LESSAC.name, language_code="de")


def test_a_language_that_no_voice_speaks_is_told_with_those_that_are_spoken() -> None:
    with pytest.raises(LanguageError, match="de_DE, en_GB, en_US"):
        CATALOG.choose(language_code="fr")


@pytest.mark.parametrize(("speaker", "number"), [("anna", 0), ("otto", 2), ("0", 0), ("2", 2), ("7", 1)])
def test_a_speaker_is_found_by_name_and_else_by_id(speaker: str, number: int) -> None:
    assert MLS.speaker_id(speaker) == number


@pytest.mark.parametrize("speaker", ["hugo", "3", "-1", "٣", "9" * 5000])
def test_an_unknown_speaker_is_told_with_those_that_there_are(speaker: str) -> None:
    with pytest.raises(SpeakerUnknownError) as failed:
        MLS.speaker_id(speaker)
    assert failed.value.allowed == "anna, 7, otto"


def test_a_voice_with_one_speaker_takes_no_speaker() -> None:
    with pytest.raises(SpeakerUnknownError, match="one speaker"):
        LESSAC.speaker_id("0")
