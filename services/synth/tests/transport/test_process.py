from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from google.protobuf.duration_pb2 import Duration
from mayfly.synth.v1 import synth_service_pb2 as pb
from mayfly.synth.v1 import voice_pb2

from mayfly_synth.testing_processing import SOUND, config, messages, tone, wav, wave_of

if TYPE_CHECKING:
    from mayfly.synth.v1.synth_service_pb2_grpc import SynthServiceAsyncStub

    from mayfly_synth.testing import Kept, MemorySink, MemoryStored

SPEECH_TO_TEXT = pb.ProcessConfig.PRESET_SPEECH_TO_TEXT


async def process(synth: SynthServiceAsyncStub, data: bytes = SOUND, **options: Any) -> pb.ProcessAudioResponse:
    return await synth.ProcessAudio(messages(data, **options), timeout=60)


def only(sink: MemorySink) -> Kept:
    (kept,) = sink.kept.values()
    return kept


async def test_an_audio_is_transcoded_straight_to_its_final_place(
    synth: SynthServiceAsyncStub, sink: MemorySink
) -> None:
    destination = pb.Destination(
        collection="pitches", key_fields={"pitch_id": "p1", "filename": "transcoded_file.mp3"}, labels={"mine": "1"}
    )

    answer = await process(synth, preset=pb.ProcessConfig.PRESET_TRANSCODED, destination=destination)

    kept = only(sink)
    assert answer.direct_upload
    assert answer.audio.content_type == "audio/mpeg"
    assert answer.audio.url
    assert answer.source_container == "wav"
    assert answer.source_size_bytes == len(SOUND)
    assert answer.source_duration.ToTimedelta().total_seconds() == pytest.approx(4.5, abs=0.01)
    assert answer.audio.duration.ToTimedelta().total_seconds() == pytest.approx(4.5, abs=0.01)
    assert kept.speech.data[:3] == b"ID3" or kept.speech.data[0] == 0xFF
    assert kept.destination.collection == "pitches"
    assert dict(kept.destination.labels) == {
        "mine": "1",
        "preset": "transcoded",
        "source": "upload",
        "source_content_type": "audio/wav",
        "source_sha256": hashlib.sha256(SOUND).hexdigest(),
        "source_size_bytes": str(len(SOUND)),
    }


async def test_speech_to_text_is_a_short_mono_mp3_at_16_khz(synth: SynthServiceAsyncStub, sink: MemorySink) -> None:
    answer = await process(synth, preset=SPEECH_TO_TEXT)

    data = only(sink).speech.data
    first = data[data.index(b"\xff\xf3") :][:4]
    assert first[2] >> 2 & 3 == 2, "MPEG-2 at 16 kHz"
    assert first[3] >> 6 == 3, "one channel"
    assert answer.audio.duration.ToTimedelta().total_seconds() == pytest.approx(2.2, abs=0.1)
    assert answer.source_duration.ToTimedelta().total_seconds() == pytest.approx(4.5, abs=0.05)


async def test_fields_that_are_set_take_precedence_over_the_preset(
    synth: SynthServiceAsyncStub, sink: MemorySink
) -> None:
    wave = voice_pb2.AUDIO_FORMAT_WAV

    await process(synth, preset=SPEECH_TO_TEXT, format=wave, trim_silence=False, sample_rate_hertz=8_000)

    channels, rate, seconds = wave_of(only(sink).speech.data)
    assert (channels, rate) == (1, 8_000)
    assert seconds == pytest.approx(4.5, abs=0.01)


async def test_a_cut_keeps_what_lies_between(synth: SynthServiceAsyncStub, sink: MemorySink) -> None:
    start, end = Duration(seconds=1), Duration(seconds=2, nanos=500_000_000)

    answer = await process(synth, format=voice_pb2.AUDIO_FORMAT_WAV, start_offset=start, end_offset=end)

    assert wave_of(only(sink).speech.data)[2] == pytest.approx(1.5, abs=0.001)
    assert not answer.HasField("source_duration")


async def test_stereo_stays_stereo_unless_one_channel_is_asked_for(
    synth: SynthServiceAsyncStub, sink: MemorySink
) -> None:
    both = wav(b"".join(sample * 2 for sample in _samples(tone(0.5))), channels=2)

    await process(synth, both, format=voice_pb2.AUDIO_FORMAT_WAV)
    await process(synth, both, format=voice_pb2.AUDIO_FORMAT_WAV, mono=True)

    assert [wave_of(kept.speech.data)[0] for kept in sink.kept.values()] == [2, 1]


def _samples(pcm: bytes) -> list[bytes]:
    return [pcm[at : at + 2] for at in range(0, len(pcm), 2)]


async def test_a_writers_own_labels_come_first_and_ours_where_there_is_room(
    synth: SynthServiceAsyncStub, sink: MemorySink
) -> None:
    own = {"source": "a phone", **{f"label_{number:02}": "x" for number in range(14)}}

    await process(synth, destination=pb.Destination(labels=own))

    labels = dict(only(sink).destination.labels)
    assert len(labels) == 16
    assert {name: labels[name] for name in own} == own
    assert set(labels) - set(own) == {"source_sha256"}


async def test_a_loudness_is_reached_and_told(synth: SynthServiceAsyncStub) -> None:
    answer = await process(synth, wav(tone(4, amplitude=800)), loudness_lufs=-23.0, format=voice_pb2.AUDIO_FORMAT_FLAC)

    assert answer.loudness_lufs == pytest.approx(-23.0, abs=0.3)
    assert answer.true_peak_dbtp < -1.0


@pytest.mark.parametrize("audio_format", list(voice_pb2.AudioFormat.values())[1:])
async def test_every_format_is_written(synth: SynthServiceAsyncStub, audio_format: Any) -> None:
    answer = await process(synth, format=audio_format)

    assert answer.audio.size_bytes > 1_000
    assert answer.audio.duration.ToTimedelta().total_seconds() == pytest.approx(4.5, abs=0.01)


async def test_a_stored_audio_is_read_by_its_name(
    synth: SynthServiceAsyncStub, sink: MemorySink, stored: MemoryStored
) -> None:
    stored.audio["audio/2025-12-08/a"] = SOUND

    answer = await synth.ProcessAudio(iter([config(source_name="audio/2025-12-08/a")]), timeout=60)

    assert answer.source_size_bytes == len(SOUND)
    assert dict(only(sink).destination.labels)["source"] == "audio/2025-12-08/a"


async def test_the_same_request_twice_is_one_audio(synth: SynthServiceAsyncStub, sink: MemorySink) -> None:
    request_id = str(uuid4())

    first, second = [await process(synth, request_id=request_id, preset=SPEECH_TO_TEXT) for _ in range(2)]

    assert first.audio.name == second.audio.name
    assert len(sink.kept) == 1


async def test_work_for_a_guest_is_counted_before_it_is_done(synth: SynthServiceAsyncStub, sink: MemorySink) -> None:
    await process(synth, destination=pb.Destination(guest_address="192.0.2.7"))

    assert sink.counted == [(0, 0)]
    assert sink.reservations != [""]
