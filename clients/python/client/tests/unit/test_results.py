from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from mayfly.storage.v1 import audio_pb2, storage_service_pb2
from mayfly.sweeper.v1 import sweep_pb2
from mayfly.synth.v1 import synth_service_pb2

from mayfly_client import AudioLocation, AudioState, LimitedBy, SignedUrl, SweepState
from mayfly_client import _answers_storage as storage
from mayfly_client import _answers_sweeper as sweeper
from mayfly_client import _answers_synth as synth

SECRET = "http://host/key.wav?exp=1&sig=deadbeef"


def test_a_signed_url_shows_its_signature_to_nobody_who_does_not_ask() -> None:
    signed = SignedUrl(
        name="audio/x", url=SECRET, expire_time=datetime(2025, 12, 8, tzinfo=UTC), limited_by=LimitedBy.POLICY
    )

    assert signed.url == SECRET
    assert all("deadbeef" not in text for text in (repr(signed), str(signed), f"{signed}", f"{[signed]}"))
    assert "http://host/key.wav?..." in repr(signed)


def test_grants_and_speech_do_not_show_their_urls() -> None:
    grant = storage_service_pb2.UploadGrant(
        url=SECRET,
        attempt="fence",
        headers={"x-sig": "deadbeef"},
        parts=[storage_service_pb2.UploadPart(url=SECRET)],
    )
    upload = storage.upload(storage_service_pb2.CreateUploadResponse(grant=grant))
    speech = synth.speech(synth_service_pb2.SynthesizeResponse(audio=synth_service_pb2.StoredAudio(url=SECRET)))

    assert upload.grant is not None
    assert upload.grant.url == SECRET
    assert "deadbeef" not in repr(upload)
    assert "deadbeef" not in repr(speech)


def test_the_text_of_an_audio_is_not_in_its_repr() -> None:
    audio = storage.audio(audio_pb2.Audio(text="for nobody else"))

    assert audio.text == "for nobody else"
    assert "for nobody else" not in repr(audio)


def test_times_are_aware_and_absent_ones_are_none() -> None:
    message = audio_pb2.Audio()
    message.create_time.FromDatetime(datetime(2025, 12, 8, 12, tzinfo=UTC))

    audio = storage.audio(message)

    assert audio.create_time == datetime(2025, 12, 8, 12, tzinfo=UTC)
    assert audio.expire_time is None
    assert audio.duration is None


def test_values_of_a_newer_server_are_no_failure() -> None:
    audio = storage.audio(audio_pb2.Audio(state=99, location=99))  # type: ignore[arg-type] # a newer server's values
    sweep = sweeper.sweep(sweep_pb2.Sweep(state=99))  # type: ignore[arg-type] # a newer server's value
    grant = storage_service_pb2.UploadGrant(enforced=[1, 99])  # type: ignore[list-item] # a newer server's value
    upload = storage.upload(storage_service_pb2.CreateUploadResponse(grant=grant))

    assert audio.state is AudioState.UNSPECIFIED
    assert audio.location is AudioLocation.UNSPECIFIED
    assert sweep.state is SweepState.UNSPECIFIED
    assert upload.grant is not None
    assert upload.grant.enforced == {"SIZE", "99"}
    assert synth.speech_item(synth_service_pb2.StreamSynthesizeResponse()) is None


def test_speech_in_one_file_reads_through() -> None:
    stored = synth_service_pb2.StoredAudio(name="audio/x", url=SECRET)
    stored.duration.FromTimedelta(timedelta(seconds=2))
    speech = synth.speech(synth_service_pb2.SynthesizeResponse(audio=stored))

    assert (speech.name, speech.url, speech.duration) == ("audio/x", SECRET, timedelta(seconds=2))


def test_speech_in_many_files_says_where_they_are() -> None:
    segment = synth_service_pb2.Segment(audio=synth_service_pb2.StoredAudio(name="audio/1"))
    speech = synth.speech(synth_service_pb2.SynthesizeResponse(segments=[segment]))

    with pytest.raises(ValueError, match=r"segments\[i\]\.audio"):
        _ = speech.name
    assert speech.segments[0].audio is not None
    assert speech.segments[0].audio.name == "audio/1"


def test_a_report_adds_up_over_its_reasons() -> None:
    lines = [
        sweep_pb2.Report.Line(reason="EXPIRED", found=3, deleted=2, failed=1, size_bytes=10),
        sweep_pb2.Report.Line(reason="ABANDONED", found=1, deleted=1, size_bytes=5),
    ]
    report = sweeper.sweep(sweep_pb2.Sweep(report=sweep_pb2.Report(lines=lines))).report

    assert (report.found, report.deleted, report.failed, report.size_bytes) == (4, 3, 1, 15)
