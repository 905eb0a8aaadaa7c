from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mayfly_storage.domain.keys import KeyTemplate, normalize_component

GUESTS = KeyTemplate("temp-audio/{date}/{audio_id}.{ext}")
SEGMENTS = KeyTemplate("audio/anonymous/{session_id}/segment_{index:03}.{ext}")
RECORDINGS = KeyTemplate("users/{user_id}/recordings/{recording_id}/audio.{ext}")
ID = "f47ac10b-58cc-4372-a567-0e02b2c3d479"


def test_a_key_is_rendered_and_read_back() -> None:
    values = {"date": "2026-01-15", "audio_id": ID, "ext": "wav"}

    key = GUESTS.render(values)

    assert key == f"temp-audio/2026-01-15/{ID}.wav"
    assert GUESTS.parse(key) == values


@pytest.mark.parametrize(("index", "segment"), [("0", "000"), ("7", "007"), ("007", "007"), ("1234", "1234")])
def test_an_index_has_leading_zeros(index: str, segment: str) -> None:
    key = SEGMENTS.render({"session_id": "s1", "index": index, "ext": "mp3"})

    assert key == f"audio/anonymous/s1/segment_{segment}.mp3"
    assert SEGMENTS.parse(key) == {"session_id": "s1", "index": segment, "ext": "mp3"}


@pytest.mark.parametrize("index", ["", "-1", "1.5", "x", "1000000", "٣", "²"])
def test_an_index_is_a_whole_number(index: str) -> None:
    with pytest.raises(ValueError, match="index must be a whole number from 0 to 999999"):
        SEGMENTS.render({"session_id": "s1", "index": index, "ext": "mp3"})


@pytest.mark.parametrize(
    "key",
    [
        "temp-audio/2026-01-15/x.wav",
        f"temp-audio/2026-01-15/{ID}",
        f"temp-audio/today/{ID}.wav",
        f"other/2026-01-15/{ID}.wav",
        f"temp-audio/2026-01-15/sub/{ID}.wav",
        "",
    ],
)
def test_foreign_keys_are_not_read(key: str) -> None:
    assert GUESTS.parse(key) is None


def test_a_template_may_end_with_a_fixed_name() -> None:
    template = KeyTemplate("users/{user_id}/audio.wav")

    assert template.parse(template.render({"user_id": "u1"})) == {"user_id": "u1"}
    assert template.parse("users/u1/audio.mp3") is None


def test_a_template_knows_its_folder_and_its_fields() -> None:
    assert (SEGMENTS.prefix, RECORDINGS.prefix) == ("audio/anonymous/", "users/")
    assert SEGMENTS.chosen_fields == {"session_id", "index"}
    assert RECORDINGS.chosen_fields == {"recording_id"}
    assert RECORDINGS.fields == {"user_id", "recording_id", "ext"}


def test_a_key_with_day_and_id_is_its_rows_for_ever_and_any_other_needs_a_claim() -> None:
    assert GUESTS.is_unique
    assert not RECORDINGS.is_unique
    # Without the day, its row could not be found from the key alone.
    assert not KeyTemplate("x/{audio_id}.{ext}").is_unique


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{date}/x", "must begin with a fixed folder"),
        ("/x/{date}", "must begin with a fixed folder"),
        ("x/../y/{date}", "must begin with a fixed folder"),
        ("plain", "must begin with a fixed folder"),
        ("x{date}/y", "must begin with a fixed folder"),
        ("x/{kind}-{kind}", "names a field twice"),
        ("x/{Kind}", "may only have fields such as"),
        ("x/{user-id}", "may only have fields such as"),
        ("x/{}", "may only have fields such as"),
        ("x/{a!r}", "may only have fields such as"),
        ("x/{a:>9}", "may only have fields such as"),
        ("x/{audio_id:03}", "may only have fields such as"),
        ("x/{a", "expected '}'"),
    ],
)
def test_a_template_that_could_not_be_read_back_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        KeyTemplate(text)


@pytest.mark.parametrize("user_id", ["x" * 300, "ü" * 128])
def test_a_key_that_stores_do_not_take_is_refused(user_id: str) -> None:
    with pytest.raises(ValueError, match=r"too long: at most 1024 bytes in UTF-8, 255 between two '/'"):
        RECORDINGS.render({"user_id": user_id, "recording_id": "r1", "ext": "m4a"})


def test_a_key_of_many_parts_is_limited_as_a_whole() -> None:
    template = KeyTemplate("x/{a}/{b}/{c}/{d}/{e}")

    with pytest.raises(ValueError, match="too long"):
        template.render(dict.fromkeys("abcde", "y" * 250))


def test_components_are_normalised() -> None:
    assert normalize_component("e\N{COMBINING ACUTE ACCENT}t\N{COMBINING CEDILLA}") == "éţ"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "1 to 128 characters"),
        ("x" * 129, "1 to 128 characters"),
        (".", "must not be a path"),
        ("..", "must not be a path"),
        ("a/b", "must not be a path"),
        ("a\\b", "must not be a path"),
        ("a\0b", "control or formatting"),
        ("a\nb", "control or formatting"),
        ("a\N{RIGHT-TO-LEFT OVERRIDE}b", "control or formatting"),
        ("a\N{LINE SEPARATOR}b", "control or formatting"),
        ("a\ud800b", "control or formatting"),
    ],
)
def test_a_component_cannot_leave_its_place(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        normalize_component(text)


@given(st.text(max_size=140), st.text(max_size=140))
def test_whatever_is_accepted_makes_a_key_that_is_read_back_as_the_same(user_id: str, recording_id: str) -> None:
    try:
        values = {"user_id": normalize_component(user_id), "recording_id": normalize_component(recording_id)}
        key = RECORDINGS.render({**values, "ext": "wav"})
    except ValueError:
        return

    assert RECORDINGS.parse(key) == {**values, "ext": "wav"}
    assert key.count("/") == RECORDINGS.text.count("/")
    assert unicodedata.is_normalized("NFC", values["user_id"])
