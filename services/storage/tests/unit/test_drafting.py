from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from mayfly_storage.collections_file import read_collections
from mayfly_storage.domain.audio import Location, State
from mayfly_storage.domain.collections import Collections
from mayfly_storage.domain.errors import (
    AudioTooLargeError,
    CollectionForbiddenError,
    CollectionUnknownError,
    ContentTypeNotAllowedError,
    InvalidAudioError,
)
from mayfly_storage.domain.privacy import Privacy
from mayfly_storage.domain.uploads import Subject
from mayfly_storage.testing import DAWN, SOUND
from mayfly_storage.testing.stage import Stage

if TYPE_CHECKING:
    from mayfly_storage.domain.audio import Audio

GUEST = Subject(guest_address="203.0.113.7")
HOUR = timedelta(hours=1)


def drafted(stage: Stage, **wish: Any) -> Audio:
    return stage.world.draft(stage.wish(**wish))


def test_a_draft_is_pending_and_lies_where_its_collection_says(stage: Stage) -> None:
    audio = drafted(stage, voice="en_US-mayfly-low", text="hello", subject=GUEST, labels={"a": "b"})

    assert (audio.state, audio.location, audio.collection) == (State.PENDING, Location.LOCAL, "temp-audio")
    assert audio.object_key == f"temp-audio/2026-01-15/{audio.name.audio_id}.wav"
    assert (audio.size_bytes, audio.content_type, audio.writer) == (len(SOUND), "audio/wav", "synth")
    assert (audio.voice, audio.text, audio.labels) == ("en_US-mayfly-low", "hello", {"a": "b"})
    assert (audio.create_time, audio.upload_deadline) == (DAWN, DAWN + timedelta(minutes=2))
    assert not audio.claims_key


def test_a_key_that_the_caller_chose_is_claimed(stage: Stage) -> None:
    audio = drafted(
        stage, collection="recordings", key_fields={"recording_id": "r1"}, subject=Subject(user_id="u1"), duration=HOUR
    )

    assert audio.object_key == "users/u1/recordings/r1/audio.wav"
    assert audio.claims_key
    assert (audio.user_id, audio.owner, audio.ip_address, audio.duration) == ("u1", "user:u1", "", HOUR)


def test_storage_fills_in_its_own_fields(stage: Stage) -> None:
    audio = drafted(
        stage, collection="debug", content_type="audio/mpeg", key_fields={"kind": "debug-input", "request_id": "q1"}
    )

    assert audio.object_key == f"debug/2026-01-15/debug-input-{int(DAWN.timestamp() * 1000)}-q1.mp3"


def test_what_is_personal_is_kept_as_the_settings_say() -> None:
    audio = drafted(Stage(privacy=Privacy(secret=b"x" * 32)), text="hello", subject=GUEST)

    assert audio.text == ""
    assert audio.owner.startswith("guest:")
    assert audio.ip_address == audio.owner.removeprefix("guest:")


@pytest.mark.parametrize(
    ("collection", "expiry", "lives"),
    [
        ("temp-audio", {}, 24 * HOUR),
        ("temp-audio", {"ttl": HOUR}, HOUR),
        ("temp-audio", {"ttl": 48 * HOUR}, 24 * HOUR),
        ("temp-audio", {"ttl": timedelta.max}, 24 * HOUR),
        ("temp-audio", {"expire_time": DAWN + HOUR}, HOUR),
        ("temp-audio", {"expire_time": datetime.max.replace(tzinfo=UTC)}, 24 * HOUR),
        ("pitches", {}, None),
        ("pitches", {"ttl": HOUR}, HOUR),
        ("pitches", {"ttl": timedelta.max}, timedelta(days=36_525)),
        ("pitches", {"expire_time": datetime.max.replace(tzinfo=UTC)}, timedelta(days=36_525)),
    ],
)
def test_the_end_is_what_was_asked_for_and_never_later_than_the_collection_allows(
    stage: Stage, collection: str, expiry: dict[str, Any], lives: timedelta | None
) -> None:
    key_fields = {"pitch_id": "p1"} if collection == "pitches" else {}

    audio = drafted(stage, collection=collection, key_fields=key_fields, **expiry)

    assert audio.expire_time == (None if lives is None else DAWN + lives)


@pytest.mark.parametrize("expire_time", [DAWN, DAWN - HOUR])
def test_an_expiry_that_has_come_is_refused(stage: Stage, expire_time: datetime) -> None:
    with pytest.raises(InvalidAudioError, match="must be in the future") as refused:
        drafted(stage, expire_time=expire_time)

    assert refused.value.field == "audio.expire_time"


def test_an_unknown_collection_is_refused(stage: Stage) -> None:
    with pytest.raises(CollectionUnknownError) as refused:
        drafted(stage, collection="nope")

    assert refused.value.field == "audio.collection"


def test_a_caller_who_is_no_writer_is_refused() -> None:
    row = {
        "keys": ["x/{date}/{audio_id}.{ext}"],
        "url_lifetime_seconds": 60,
        "max_size_bytes": 9999,
        "content_types": ["audio/wav"],
        "writers": ["synth"],
    }
    stage = Stage(collections=Collections.from_table({"x": row}))

    with pytest.raises(CollectionForbiddenError) as refused:
        drafted(stage, collection="x", caller="gateway")

    assert (refused.value.collection, refused.value.caller) == ("x", "gateway")
    assert drafted(stage, collection="x", caller="synth").collection == "x"


def test_a_type_that_the_collection_does_not_take_is_refused(stage: Stage) -> None:
    with pytest.raises(ContentTypeNotAllowedError) as refused:
        drafted(stage, content_type="image/png")

    assert refused.value.content_type == "image/png"
    assert "audio/wav" in refused.value.allowed


def test_more_bytes_than_the_collection_takes_are_refused(stage: Stage) -> None:
    limit = read_collections().get("temp-audio").max_size_bytes

    assert drafted(stage, size_bytes=limit).size_bytes == limit
    with pytest.raises(AudioTooLargeError) as refused:
        drafted(stage, size_bytes=limit + 1)
    assert (refused.value.size_bytes, refused.value.max_size_bytes) == (limit + 1, limit)


@pytest.mark.parametrize(
    ("wish", "field", "problem"),
    [
        (
            {"collection": "recordings", "key_fields": {"recording_id": "a/b"}, "subject": Subject(user_id="u1")},
            "audio.key_fields[recording_id]",
            "must not be a path",
        ),
        (
            {"collection": "recordings", "key_fields": {"recording_id": "r1"}, "subject": Subject(user_id="..")},
            "audio.subject.user_id",
            "must not be a path",
        ),
        (
            {"collection": "speech-sessions", "key_fields": {"session_id": "s1", "index": "first"}},
            "audio.key_fields",
            "index must be a whole number",
        ),
        (
            {"collection": "pitches", "key_fields": {"pitch_id": "p1", "filename": "ü" * 128}},
            "audio.key_fields",
            "too long",
        ),
        ({"key_fields": {"x": "y"}}, "audio.key_fields", "takes exactly"),
    ],
)
def test_parts_of_a_key_are_judged(stage: Stage, wish: dict[str, Any], field: str, problem: str) -> None:
    with pytest.raises(InvalidAudioError, match=problem) as refused:
        drafted(stage, **wish)

    assert refused.value.field == field


def test_parts_of_a_key_are_normalised(stage: Stage) -> None:
    audio = drafted(
        stage,
        collection="recordings",
        key_fields={"recording_id": "re\N{COMBINING ACUTE ACCENT}"},
        subject=Subject(user_id="u\N{COMBINING DIAERESIS}"),
    )

    assert (audio.key_fields, audio.user_id) == ({"recording_id": "ré"}, "ü")
    assert audio.object_key == "users/ü/recordings/ré/audio.wav"


def test_a_stream_is_admitted_with_the_most_bytes_it_may_have(stage: Stage) -> None:
    assert stage.storage.admit_stream(stage.wish(size_bytes=1, sha256=b"")) == 52_428_800
    with pytest.raises(ContentTypeNotAllowedError):
        stage.storage.admit_stream(stage.wish(size_bytes=1, content_type="image/png"))
