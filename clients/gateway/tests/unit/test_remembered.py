from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from mayfly_gateway import guests
from mayfly_gateway.formats import content_type_of, name_of
from mayfly_gateway.remembered import RememberedSpeech, SpeechNotes

NOW = datetime(2026, 11, 21, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


def notes(text: str = "Hello.", *, life: timedelta | None = timedelta(hours=1)) -> SpeechNotes:
    return SpeechNotes(text=text, segments=(), peaks=(), expire_time=None if life is None else NOW + life)


def test_what_was_said_is_forgotten_at_the_audios_end() -> None:
    clock = Clock()
    remembered = RememberedSpeech(most=9, now=clock)
    remembered.keep("a", notes())
    clock.now += timedelta(minutes=59)

    assert remembered.get("a") is not None
    clock.now += timedelta(minutes=1)
    assert remembered.get("a") is None


def test_what_has_ended_makes_room_and_then_the_oldest_goes() -> None:
    clock = Clock()
    remembered = RememberedSpeech(most=2, now=clock)
    remembered.keep("short", notes(life=timedelta(seconds=1)))
    remembered.keep("kept", notes(life=None))
    clock.now += timedelta(seconds=1)
    remembered.keep("new", notes())
    remembered.keep("newest", notes())

    assert [name for name in ("short", "kept", "new", "newest") if remembered.get(name)] == ["new", "newest"]


def test_nothing_is_remembered_where_nothing_may_be() -> None:
    remembered = RememberedSpeech(most=0, now=Clock())
    remembered.keep("a", notes())

    assert remembered.get("a") is None


def test_notes_do_not_show_what_was_said() -> None:
    assert "Hello" not in repr(notes("Hello."))


def test_a_guests_key_cannot_be_had_from_what_storage_knows() -> None:
    one, other = guests.new_key(), guests.new_key()

    assert len({one, other, guests.subject_of(one), guests.subject_of(other)}) == 4
    assert one not in guests.subject_of(one)
    assert guests.is_same(guests.subject_of(one), guests.subject_of(one))
    assert not guests.is_same(guests.subject_of(one), guests.subject_of(other))


@pytest.mark.parametrize("key", ["", "a" * 42, "a" * 44, "a" * 42 + "!", "ä" * 43])
def test_what_we_never_gave_is_no_guests_key(key: str) -> None:
    assert guests.key_in({"mayfly-guest": key}, is_https=False) is None


def test_a_cookie_for_plain_http_is_none_over_tls() -> None:
    cookies = {"mayfly-guest": guests.new_key()}

    assert guests.key_in(cookies, is_https=False) is not None
    assert guests.key_in(cookies, is_https=True) is None


@pytest.mark.parametrize(
    ("told", "file_name", "expected"),
    [
        ("audio/x-wav", "a.mp3", "audio/wav"),
        ("audio/webm;codecs=opus", None, "audio/webm"),
        ("", "a.M4A", "audio/m4a"),
        (None, None, "application/octet-stream"),
        ("text/html", "a.html", "text/html"),
    ],
)
def test_an_upload_is_what_it_says_or_what_its_name_says(
    told: str | None, file_name: str | None, expected: str
) -> None:
    assert content_type_of(told, file_name) == expected


def test_formats_have_names_and_what_has_none_keeps_its_type() -> None:
    assert [name_of(kind) for kind in ("audio/L16", "audio/MPEG", "audio/x-caf")] == ["pcm", "mp3", "audio/x-caf"]
