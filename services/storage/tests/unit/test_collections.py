from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from mayfly_storage.collections_file import read_collections
from mayfly_storage.domain.collections import Collections
from mayfly_storage.domain.errors import CollectionUnknownError, InvalidAudioError

SHIPPED = read_collections()


def a_row(**changes: Any) -> dict[str, Any]:
    row = {
        "keys": ["x/{date}/{audio_id}.{ext}"],
        "lifetime_seconds": 60,
        "url_lifetime_seconds": 30,
        "max_size_bytes": 100,
        "content_types": ["audio/wav"],
    }
    return {name: value for name, value in (row | changes).items() if value is not None}


def test_the_collections_of_the_five_systems_ship_with_the_package() -> None:
    lives = {each.id: each.lifetime for each in SHIPPED.by_id.values()}

    assert lives == {
        "temp-audio": timedelta(hours=24),
        "speech-sessions": timedelta(days=7),
        "recordings": None,
        "debug": timedelta(days=3),
        "pitches": None,
        "processing": timedelta(hours=1),
    }


def test_an_unknown_collection_is_told_with_those_that_exist() -> None:
    with pytest.raises(CollectionUnknownError) as refused:
        SHIPPED.get("temp_audio", field="audio.collection")

    assert (refused.value.collection, refused.value.field) == ("temp_audio", "audio.collection")
    assert refused.value.allowed == "debug, pitches, processing, recordings, speech-sessions, temp-audio"


@pytest.mark.parametrize(
    ("collection", "fields", "has_user", "prefix"),
    [
        ("temp-audio", set(), False, "temp-audio/"),
        ("temp-audio", set(), True, "temp-audio/"),
        ("speech-sessions", {"session_id", "index"}, True, "audio/users/"),
        ("speech-sessions", {"session_id", "index"}, False, "audio/anonymous/"),
        ("recordings", {"recording_id"}, True, "users/"),
        ("pitches", {"pitch_id"}, True, "pitches/"),
    ],
)
def test_the_key_fields_and_a_user_decide_which_template_is_meant(
    *, collection: str, fields: set[str], has_user: bool, prefix: str
) -> None:
    template = SHIPPED.get(collection).template_for(dict.fromkeys(fields, "1"), has_user=has_user)

    assert (template.prefix, template.chosen_fields) == (prefix, fields)


def test_a_collection_of_users_needs_a_user() -> None:
    with pytest.raises(InvalidAudioError, match="a user_id is needed in collection 'recordings'") as refused:
        SHIPPED.get("recordings").template_for({"recording_id": "1"}, has_user=False)

    assert refused.value.field == "audio.subject"


@pytest.mark.parametrize(
    ("collection", "takes"),
    [
        ("pitches", "{filename, pitch_id} or {pitch_id}"),
        ("speech-sessions", "{index, session_id}"),  # of a user or of nobody: the same fields
    ],
)
def test_wrong_key_fields_are_told_with_the_right_ones(collection: str, takes: str) -> None:
    with pytest.raises(InvalidAudioError) as refused:
        SHIPPED.get(collection).template_for({"pitch": "1"}, has_user=False)

    assert refused.value.field == "audio.key_fields"
    assert refused.value.description == f"collection {collection!r} takes exactly {takes}, not {{pitch}}"


def test_a_key_leads_to_its_collection() -> None:
    found = SHIPPED.of_key("users/u1/recordings/r1/audio.m4a")

    assert found is not None
    assert found.id == "recordings"
    assert SHIPPED.of_key("somebody/else.wav") is None


def test_listing_the_prefixes_sees_every_object_once() -> None:
    assert SHIPPED.prefixes == (
        "audio/anonymous/",
        "audio/users/",
        "debug/",
        "pitches/",
        "processed-audio/",
        "temp-audio/",
        "users/",
    )
    assert Collections.from_table({"a": a_row(keys=["x/{audio_id}", "x/y/{audio_id}"])}).prefixes == ("x/",)


def test_a_row_without_lifetime_is_kept_until_it_is_deleted() -> None:
    [collection] = Collections.from_table({"a": a_row(lifetime_seconds=None)}).by_id.values()

    assert collection.lifetime is None


def test_writers_are_read() -> None:
    [collection] = Collections.from_table({"a": a_row(writers=["synth"])}).by_id.values()

    assert collection.writers == ("synth",)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"keys": None}, "keys is missing"),
        ({"keys": []}, "keys must be a list of texts"),
        ({"keys": "x/{audio_id}"}, "keys must be a list of texts"),
        ({"keys": ["{audio_id}"]}, "must begin with a fixed folder"),
        ({"writers": "synth"}, "writers must be a list of texts"),
        ({"writers": [1]}, "writers must be a list of texts"),
        ({"content_types": ["image/png"]}, "unknown content types ['image/png']"),
        ({"content_types": None}, "content_types is missing"),
        ({"lifetime_seconds": 0}, "lifetime_seconds must be a whole number above 0"),
        ({"lifetime_seconds": 10**12}, "lifetime_seconds must be at most 3155760000 (a century)"),
        ({"url_lifetime_seconds": 1.5}, "url_lifetime_seconds must be a whole number above 0"),
        ({"max_size_bytes": True}, "max_size_bytes must be a whole number above 0"),
        ({"lifetime": 60}, "unknown settings ['lifetime']"),
    ],
)
def test_a_wrong_row_is_told_with_what_is_wrong(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=r"collection 'a': ") as refused:
        Collections.from_table({"a": a_row(**changes)})

    assert problem in str(refused.value)


def test_all_wrong_rows_are_told_at_once() -> None:
    with pytest.raises(ValueError, match=r"collection 'a': .*; collection 'b': must be a table, \[b\], not 5"):
        Collections.from_table({"a": a_row(keys=[]), "b": 5, "c": a_row()})


def test_a_file_without_collections_is_refused() -> None:
    with pytest.raises(ValueError, match="no collection is defined"):
        Collections.from_table({})
