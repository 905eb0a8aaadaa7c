# ruff: noqa: RUF001 - phonemes look like letters
from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mayfly_synth.domain.composing import Composer
from mayfly_synth.domain.errors import SsmlError, SynthError, TextEmptyError
from mayfly_synth.domain.lexicon import Lexicon
from mayfly_synth.domain.speech import Delivery, SpeechOptions
from mayfly_synth.domain.ssml import ATTRIBUTES, read_ssml
from mayfly_synth.domain.utterance import Manner, MarkedPlace, Piece, Script
from mayfly_synth.domain.voices import Voice, VoiceCatalog

VOICE = Voice(
    name="v",
    language_code="en_US",
    language="English",
    quality="low",
    sample_rate=16_000,
    phonemes=frozenset("abcdefghijklmnopqrstuvwxyzˈ "),
)
SILENCE = timedelta(milliseconds=200)


def read(body: str, *, lenient: bool = False, speed: float = 1.0, volume: float = 1.0, whole: bool = False) -> Script:
    options = SpeechOptions(speed=speed, volume=volume)
    delivery = Delivery.of(options, VoiceCatalog([VOICE], default="v"), sentence_silence=SILENCE)
    document = body if whole else f"<speak>{body}</speak>"
    return read_ssml(document, delivery, Composer(lexicon=Lexicon((), VOICE), longest=400), lenient=lenient)


def refused(body: str, *, whole: bool = False) -> SsmlError:
    with pytest.raises(SsmlError) as error:
        read(body, whole=whole)
    return error.value


def written(script: Script) -> list[str]:
    return [each.written for each in script.utterances]


def pauses(script: Script) -> list[float | None]:
    return [None if each.pause is None else each.pause.total_seconds() for each in script.utterances]


def test_text_is_split_into_sentences_and_white_space_is_evened_out() -> None:
    script = read("One\n  two. Three\tfour.")

    assert written(script) == ["One two.", "Three four."]
    assert script.text == "One two. Three four."
    assert pauses(script) == [None, None]


def test_paragraphs_and_sentences_end_what_stands_before_them() -> None:
    script = read("Before<p>One. Two</p><p><s>Three four</s><s>five</s></p>after")

    assert written(script) == ["Before", "One.", "Two", "Three four", "five", "after"]
    assert pauses(script) == [None, None, 0.6, None, None, None]


def test_the_five_entities_and_characters_by_number_are_text() -> None:
    assert read("a &amp; b &lt; &#99; <![CDATA[<d>]]>").text == "a & b < c <d>"


@pytest.mark.parametrize(
    ("element", "seconds"),
    [
        ("<break/>", 0.5),
        ('<break time="1.5s"/>', 1.5),
        ('<break time="250ms"/>', 0.25),
        ('<break time="10s"/>', 10.0),
        ('<break time="0s"/>', 0.0),
        ('<break strength="none"/>', 0.0),
        ('<break strength="x-strong"/>', 2.0),
        ('<break time="1s" strength="weak"/>', 1.0),
    ],
)
def test_a_break_is_a_silence(element: str, seconds: float) -> None:
    script = read(f"One two {element} three.")

    assert written(script) == ["One two", "three."]
    assert pauses(script) == [seconds, None]


def test_a_break_takes_the_place_of_the_silence_after_a_sentence() -> None:
    assert pauses(read('One. <break time="1s"/> Two.')) == [1.0, None]
    assert pauses(read('<s>One.</s><break time="1s"/><s>Two.</s>')) == [1.0, None]


def test_breaks_in_a_row_add_up_and_may_come_first() -> None:
    script = read('<break time="1s"/><break time="2s"/>One.<break time="3s"/> <break time="4s"/>')

    assert written(script) == ["", "One."]
    assert pauses(script) == [3.0, 7.0]


def test_prosody_changes_rate_and_volume_until_it_ends() -> None:
    script = read('One <prosody rate="fast" volume="soft">two <prosody rate="200%">three</prosody></prosody> four.')

    assert written(script) == ["One", "two", "three", "four."]
    assert [(each.rate, each.volume) for each in script.utterances] == [(1, 1), (1.25, 0.5), (2.5, 0.5), (1, 1)]
    assert pauses(script) == [0.0, 0.0, 0.0, None]


def test_where_prosody_changes_between_sentences_there_is_their_silence() -> None:
    assert pauses(read('One. <prosody rate="slow">Two.</prosody> Three.')) == [None, None, None]


@pytest.mark.parametrize(
    ("rate", "factor"),
    [("x-slow", 0.5), ("80%", 0.8), ("+20%", 1.2), ("-20%", 0.8), ("1.5", 1.5), ("default", 1.0)],
)
def test_a_rate_is_a_name_a_percentage_or_a_number(rate: str, factor: float) -> None:
    assert read(f'<prosody rate="{rate}">One.</prosody>').utterances[0].rate == pytest.approx(factor)


@pytest.mark.parametrize(("volume", "factor"), [("silent", 0.0), ("x-loud", 2.0), ("+6dB", 1.995), ("-6dB", 0.501)])
def test_a_volume_is_a_name_or_decibels(volume: str, factor: float) -> None:
    assert read(f'<prosody volume="{volume}">One.</prosody>').utterances[0].volume == pytest.approx(factor, abs=0.001)


def test_phonemes_substitutes_and_spelled_words_are_said_otherwise() -> None:
    body = (
        'A <phoneme alphabet="ipa" ph="təˈ">tomato</phoneme>'.replace("ə", "o")
        + ' of <sub alias="the consortium">W3C</sub>, <say-as interpret-as="digits">12</say-as>.'
    )
    [utterance] = read(body).utterances

    assert utterance.written == "A tomato of W3C, 12."
    assert [piece for piece in utterance.pieces if not piece.is_plain] == [
        Piece("tomato", "toˈ", Manner.PHONEMES),
        Piece("W3C", "the consortium"),
        Piece("12", "12", Manner.SPELLED),
    ]


def test_a_mark_lies_before_the_word_that_follows_it() -> None:
    script = read('<mark name="a"/>One <mark name="b"/>two.<mark name="c"/>')

    assert script.utterances[0].marks == (MarkedPlace("a", 0), MarkedPlace("b", 1), MarkedPlace("c", 2))


def test_white_space_after_a_mark_stays() -> None:
    assert written(read('One<mark name="a"/> two <mark name="b"/> three.')) == ["One two three."]


@pytest.mark.parametrize(
    ("body", "element", "line"),
    [
        ('One.\n<audio src="file:///etc/passwd"/>', "audio", 2),
        ("<voice name='x'>One.</voice>", "voice", 1),
        ("<emphasis>One.</emphasis>", "emphasis", 1),
        ('<prosody pitch="high">One.</prosody>', "prosody", 1),
        ('<prosody rate="very">One.</prosody>', "prosody", 1),
        ('<prosody rate="500%">One.</prosody>', "prosody", 1),
        ('<prosody volume="+30dB">One.</prosody>', "prosody", 1),
        ('<break time="11s"/>One.', "break", 1),
        ('<break time="-1s"/>One.', "break", 1),
        ('<break strength="huge"/>One.', "break", 1),
        ("<break>One.</break>", "break", 1),
        ("<sub>One.</sub>", "sub", 1),
        ('<sub alias="a"><s>One.</s></sub>', "s", 1),
        ('<phoneme alphabet="x-sampa" ph="a">One.</phoneme>', "phoneme", 1),
        ('<phoneme ph="9">One.</phoneme>', "phoneme", 1),
        ('<say-as interpret-as="date">One.</say-as>', "say-as", 1),
        ('<say-as interpret-as="digits">One.</say-as>', "say-as", 1),
        ("<mark/>One.", "mark", 1),
        ("<speak>One.</speak>", "speak", 1),
        ('<p xml:lang="de">Eins.</p>', "p", 1),
        ("<s>" * 16 + "One." + "</s>" * 16, "s", 1),
    ],
)
def test_what_is_not_taken_is_an_error_with_its_line(body: str, element: str, line: int) -> None:
    error = refused(body)

    assert (error.element, error.line) == (element, line)


def test_an_unknown_element_is_told_with_those_that_are_known() -> None:
    assert refused("<audio/>One.").allowed == ", ".join(sorted(ATTRIBUTES))


@pytest.mark.parametrize(
    "document",
    [
        "One.",
        "<speak>One.",
        "<speak>One.</s></speak>",
        "<s>One.</s>",
        "<speak>&unknown;</speak>",
        "<speak a='1' a='2'>One.</speak>",
        "<speak>One.</speak><speak>Two.</speak>",
        '<!DOCTYPE speak SYSTEM "file:///etc/passwd"><speak>One.</speak>',
        '<!DOCTYPE speak [<!ENTITY x SYSTEM "file:///etc/passwd">]><speak>&x;</speak>',
        '<!DOCTYPE s [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]><speak>&b;</speak>',
        "<?php echo 1 ?><speak>One.</speak>",
        "<speak>&#0;</speak>",
        "<speak>One&#x9f;.</speak>",
        '<speak><sub alias="a&#x80;">One.</sub></speak>',
    ],
)
def test_what_is_no_document_of_elements_and_text_is_an_error(document: str) -> None:
    assert refused(document, whole=True).line >= 1


def test_a_declaration_is_taken_and_its_encoding_is_not_asked() -> None:
    assert read('<?xml version="1.0" encoding="utf-16"?><speak>Ünique.</speak>', whole=True).text == "Ünique."


def test_namespaces_of_ssml_are_taken() -> None:
    document = (
        '<speak version="1.1" xmlns="http://www.w3.org/2001/10/synthesis" xmlns:xsi="http://www.w3.org/2001/XMLSchema-'
        'instance" xsi:schemaLocation="a b" xml:lang="en-US">One.</speak>'
    )

    assert read(document, whole=True).text == "One."


def test_when_asked_to_be_lenient_what_is_not_known_is_a_warning_and_its_text_is_spoken() -> None:
    script = read('<emphasis>One</emphasis>\n<prosody pitch="high">two.</prosody>', lenient=True)

    assert script.text == "One two."
    assert [warning.split(":")[0] for warning in script.warnings] == ["Line 1", "Line 2"]
    assert "<emphasis>" in script.warnings[0]
    assert "'pitch'" in script.warnings[1]


def test_a_word_that_comes_in_parts_is_one_word() -> None:
    script = read("un<emphasis>believ</emphasis>able &#115;tory", lenient=True)

    assert script.utterances[0].pieces == (Piece.plain("unbelievable story"),)


def test_a_letter_and_its_accent_become_one() -> None:
    assert read("caf&#x65;&#x301; e<emphasis>&#x301;</emphasis>", lenient=True).text == "café é"


def test_lenience_ends_where_a_document_is_none() -> None:
    with pytest.raises(SsmlError):
        read("<emphasis>One", lenient=True)


@pytest.mark.parametrize("body", ["", " ", '<break time="1s"/>', '<mark name="a"/>', "<!-- One. -->"])
def test_a_document_without_words_is_empty(body: str) -> None:
    with pytest.raises(TextEmptyError):
        read(body)


def test_an_error_never_repeats_what_is_to_be_spoken() -> None:
    assert "canary" not in str(refused("canary <audio>canary</audio>"))


ELEMENTS = st.sampled_from(
    [
        *("<speak>", "</speak>", "<p>", "</p>", "<s>", "</s>", "<break/>", '<prosody rate="slow">', "</prosody>"),
        *(
            '<mark name="m"/>',
            '<sub alias="x">',
            "</sub>",
            "<audio>",
            "</audio>",
            "&amp;",
            "<![CDATA[",
            "]]>",
            "<",
            "é",
        ),
        "One. ",
    ]
)


@given(st.lists(ELEMENTS, max_size=12).map("".join))
@example("<p></p>")
def test_whatever_comes_is_read_or_refused(body: str) -> None:
    try:
        script = read(body, lenient=True)
    except SynthError:
        return
    assert script.text
