"""What the paths of older systems say."""

from __future__ import annotations

import pytest

from mayfly_storage.collections_file import read_collections
from mayfly_storage.importing.layouts import LAYOUTS, UnknownLayoutError, layout
from mayfly_storage.importing.patterns import Pattern
from mayfly_storage.importing.rules import FieldError, Rule, read_fields, read_path


@pytest.mark.parametrize(
    ("system", "path", "collection", "user_id", "key_fields"),
    [
        ("system-a", "tts_1f2e.wav", "temp-audio", "", {}),
        ("system-a", "temp-audio/2025-12-08/f47ac10b-58cc-4372-a567-0e02b2c3d479.wav", "temp-audio", "", {}),
        (
            "system-b",
            "audio/users/u1/1700000000_u1/segment_001.wav",
            "speech-sessions",
            "u1",
            {"session_id": "1700000000_u1", "index": "001"},
        ),
        (
            "system-b",
            "audio/anonymous/1700000000_anonymous/segment_000.wav",
            "speech-sessions",
            "",
            {"session_id": "1700000000_anonymous", "index": "000"},
        ),
        (
            "system-b",
            "1700000000_anonymous/segment_000.wav",
            "speech-sessions",
            "",
            {"session_id": "1700000000_anonymous", "index": "000"},
        ),
        (
            "system-b",
            "1700000000_ada_l/segment_012.wav",
            "speech-sessions",
            "ada_l",
            {"session_id": "1700000000_ada_l", "index": "012"},
        ),
        ("system-c", "users/u1/recordings/r1/audio.m4a", "recordings", "u1", {"recording_id": "r1"}),
        (
            "system-d",
            "debug-input-1700000000000-a1-b2.caf",
            "debug",
            "",
            {"kind": "debug-input", "request_id": "1700000000000-a1-b2"},
        ),
        (
            "system-d",
            "error-output-1700000000000-timeout.mp3",
            "debug",
            "",
            {"kind": "error-output", "request_id": "1700000000000-timeout"},
        ),
        ("system-e", "pitches/p1/original_file.mp3", "pitches", "", {"pitch_id": "p1"}),
        ("system-e", "pitches/p1/processed/a.mp3", "pitches", "", {"pitch_id": "p1", "filename": "a.mp3"}),
        (
            "system-e",
            "processed-audio/j1/p1/a.mp3",
            "processing",
            "",
            {"project_id": "j1", "pitch_id": "p1", "filename": "a.mp3"},
        ),
    ],
)
def test_a_path_of_an_older_system_says_what_lies_there(
    system: str, path: str, collection: str, user_id: str, key_fields: dict[str, str]
) -> None:
    reading = read_path(layout(system), path)
    assert reading is not None
    assert (reading.collection, reading.user_id, reading.key_fields) == (collection, user_id, key_fields)
    template = read_collections().get(collection).template_for(key_fields, has_user=bool(user_id))
    assert ("user_id" in template.fields) == bool(user_id)


@pytest.mark.parametrize(
    ("system", "path"),
    [
        ("system-a", "page.html"),
        ("system-a", "deep/tts_1.wav"),
        ("system-b", "audio/users/u1/segment_001.wav"),
        ("system-c", "users/u1/recordings/r1/notes/audio.m4a"),
        ("system-d", "input-1700000000000-a1.caf"),
        ("system-e", "pitches/p1/a.mp3"),
    ],
)
def test_other_paths_say_nothing(system: str, path: str) -> None:
    assert read_path(layout(system), path) is None


def test_a_layout_that_does_not_exist_names_those_that_do() -> None:
    with pytest.raises(UnknownLayoutError, match="system-a, system-b, system-c, system-d, system-e"):
        layout("system-z")


def test_every_layout_leads_to_collections_that_ship() -> None:
    collections = read_collections()
    assert {collections.get(rule.collection).id for rules in LAYOUTS.values() for rule in rules} == {
        "temp-audio",
        "speech-sessions",
        "recordings",
        "debug",
        "pitches",
        "processing",
    }


def test_fields_are_given_where_paths_do_not_say_them() -> None:
    rule = Rule(
        collection="recordings",
        pattern=Pattern("*_{n}.{ext}"),
        fields=read_fields(["user_id=u=1", "recording_id=old-{n}"]),
    )
    reading = rule.read("x_7.wav")
    assert reading is not None
    assert reading.user_id == "u=1"
    assert reading.key_fields == {"recording_id": "old-7"}


@pytest.mark.parametrize("given", [["kind"], ["=x"], ["kind="], ["a b=x"], ["kind=x", "kind=y"]])
def test_a_field_that_cannot_be_read_says_how_one_looks(given: list[str]) -> None:
    with pytest.raises(FieldError, match="kind=debug-input"):
        read_fields(given)


def test_a_field_made_of_what_is_not_there_is_refused() -> None:
    with pytest.raises(FieldError, match=r"kind is made of \{n\}"):
        Rule(collection="debug", pattern=Pattern("{m}.wav"), fields={"kind": "x{n}"})
