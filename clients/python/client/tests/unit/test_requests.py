from __future__ import annotations

import uuid
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from mayfly.synth.v1 import voice_pb2

from mayfly_client import _requests_storage as storage
from mayfly_client import _requests_sweeper as sweeper
from mayfly_client import _requests_synth as synth
from mayfly_client._argument_error import ArgumentError


def test_speak_puts_each_option_at_its_place() -> None:
    request = synth.synthesize(
        "Hello.",
        {
            "voice": "en_US-lessac-medium",
            "format": "mp3",
            "speed": 1.5,
            "sentence_silence": 0.25,
            "pronunciations": {"SQL": "sequel"},
            "collection": "speech-sessions",
            "key_fields": {"session_id": "s1", "index": "0"},
            "ttl": timedelta(hours=2),
            "url_ttl": 90,
            "user_id": "u1",
            "labels": {"a": "b"},
            "ssml": True,
        },
        request_id=None,
    )

    assert request.text == "Hello."
    assert request.options.voice == "en_US-lessac-medium"
    assert request.options.format == voice_pb2.AUDIO_FORMAT_MP3
    assert request.options.speed == 1.5
    assert request.options.sentence_silence.ToTimedelta() == timedelta(milliseconds=250)
    assert dict(request.options.pronunciations) == {"SQL": "sequel"}
    assert request.options.ssml
    assert request.destination.collection == "speech-sessions"
    assert dict(request.destination.key_fields) == {"session_id": "s1", "index": "0"}
    assert request.destination.ttl.ToTimedelta() == timedelta(hours=2)
    assert request.destination.url_ttl.ToTimedelta() == timedelta(seconds=90)
    assert request.destination.user_id == "u1"
    assert dict(request.destination.labels) == {"a": "b"}


def test_what_is_not_given_is_not_sent() -> None:
    request = synth.synthesize("Hello.", {"voice": None, "speed": None, "ttl": None}, request_id=None)

    assert request.options.format == voice_pb2.AUDIO_FORMAT_UNSPECIFIED
    assert not request.options.HasField("speed")
    assert request.destination.WhichOneof("expiration") is None
    assert request.destination.WhichOneof("subject") is None


def test_an_empty_user_is_sent_so_that_the_server_can_refuse_it() -> None:
    request = synth.synthesize("Hello.", {"user_id": ""}, request_id=None)

    assert request.destination.WhichOneof("subject") == "user_id"


def test_request_ids_are_made_if_there_is_none_and_kept_if_there_is_one() -> None:
    made = synth.synthesize("Hello.", {}, request_id=None).request_id
    other = synth.synthesize("Hello.", {}, request_id=None).request_id
    kept = synth.synthesize("Hello.", {}, request_id="0b1f2c3d-0000-4000-8000-000000000000").request_id

    assert uuid.UUID(made).version == 4
    assert made != other
    assert kept == "0b1f2c3d-0000-4000-8000-000000000000"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"format": "wma"}, "format 'wma' is unknown; use one of wav, mp3, opus"),
        ({"ttl": 60, "expire_time": datetime(2025, 12, 8, tzinfo=UTC)}, "ttl or expire_time, not both"),
        ({"user_id": "u", "guest_address": "192.0.2.1"}, "user_id or guest_address, not both"),
        ({"ttl": float("inf")}, "no request can hold the length of time inf"),
        ({"expire_time": datetime(2025, 12, 8)}, "expire_time must be an aware datetime"),  # noqa: DTZ001 - the point
    ],
)
def test_what_cannot_be_expressed_is_refused_before_it_is_sent(options: dict[str, object], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        synth.synthesize("Hello.", options, request_id=None)  # type: ignore[arg-type] # as callers without a checker do


def test_a_refused_argument_is_a_value_error_that_callers_know() -> None:
    with pytest.raises(ValueError, match=r"^x is odd: pass content_type=, e\.g\. 'audio/wav'$"):
        raise ArgumentError("x is odd", argument="content_type", wanted=", e.g. 'audio/wav'")


def test_unknown_arguments_are_refused_with_the_names_that_there_are() -> None:
    with pytest.raises(TypeError, match=r"speak\(\) takes no argument 'voic'; it takes .*voice"):
        synth.synthesize("Hello.", {"voic": "x"}, request_id=None)  # type: ignore[typeddict-unknown-key]


def test_values_that_make_no_sense_are_left_to_the_server() -> None:
    request = synth.synthesize(" ", {"speed": -3, "ttl": -1, "collection": "no such"}, request_id="no uuid")

    assert request.options.speed == -3
    assert request.destination.ttl.ToTimedelta() == timedelta(seconds=-1)
    assert request.request_id == "no uuid"


def test_a_long_text_is_streamed_in_pieces_that_the_server_takes() -> None:
    text = "word " * 2_000

    messages = list(synth.text_messages(text))

    assert "".join(message.text for message in messages) == text
    assert max(len(message.text) for message in messages) <= 5_000


def test_a_discarded_stream_says_all_the_same_who_asks_and_by_which_quota() -> None:
    given = synth.stream_config({"voice": "v", "guest_address": "192.0.2.1"}, discard=True, request_id=None).config
    nobodys = synth.stream_config({"voice": "v", "collection": "c"}, discard=True, request_id=None).config

    assert given.discard
    assert given.destination.guest_address == "192.0.2.1"
    assert nobodys.destination.collection == "c"
    assert nobodys.destination.WhichOneof("subject") is None


def test_new_audio_has_what_its_writer_knows() -> None:
    new = storage.new_audio(
        "save",
        "recordings",
        "audio/mp4",
        {"guest_address": "192.0.2.1", "duration": 1.5, "key_fields": {"recording_id": "r1"}, "text": "Hi."},
    )

    assert (new.collection, new.content_type, new.text) == ("recordings", "audio/mp4", "Hi.")
    assert new.subject.guest_address == "192.0.2.1"
    assert new.duration.ToTimedelta() == timedelta(seconds=1.5)
    assert dict(new.key_fields) == {"recording_id": "r1"}


@pytest.mark.parametrize("day", [date(2025, 12, 8), "2025-12-08"])
def test_a_day_is_a_date_or_its_text(day: date | str) -> None:
    assert storage.list_audio({"date": day}, "").date == "2025-12-08"


def test_names_are_signed_in_batches_of_a_thousand() -> None:
    requests = storage.sign_urls([str(number) for number in range(2_001)], ttl=60, attachment=True)

    assert [len(request.names) for request in requests] == [1_000, 1_000, 1]
    assert all(request.attachment for request in requests)
    assert storage.sign_urls([], ttl=None, attachment=False) == []


def test_one_name_is_not_taken_for_many() -> None:
    with pytest.raises(TypeError, match=r"use url\(name\)"):
        storage.sign_urls("audio/2025-12-08/x", ttl=None, attachment=False)


def test_chunks_of_a_stream_are_as_large_as_the_contract_allows() -> None:
    data = bytes(150_000)

    messages = storage.upload_chunks(data)

    assert [len(message.chunk) for message in messages] == [65_536, 65_536, 18_928]


def test_a_sweep_says_what_to_sweep() -> None:
    request = sweeper.start_sweep(
        {
            "dry_run": True,
            "collection": "temp-audio",
            "time_budget": timedelta(minutes=5),
            "max_delete_count": 7,
        },
        request_id=None,
    )

    assert request.dry_run
    assert request.collection == "temp-audio"
    assert request.time_budget.seconds == 300
    assert request.max_delete_count == 7
    assert uuid.UUID(request.request_id)


def test_a_mistyped_option_of_a_sweep_is_told_with_those_that_there_are() -> None:
    wrong: Any = {"dryrun": True}

    with pytest.raises(TypeError, match=r"start_sweep\(\) takes no argument 'dryrun'; it takes collection, dry_run"):
        sweeper.start_sweep(wrong, request_id=None)
