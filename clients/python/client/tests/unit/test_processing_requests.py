from __future__ import annotations

import hashlib
from datetime import timedelta

from mayfly.synth.v1 import synth_service_pb2 as pb
from mayfly.synth.v1 import voice_pb2

from mayfly_client import _requests_processing as processing


def test_each_option_has_its_place() -> None:
    config = processing.process_config(
        "audio/2025-12-08/a",
        {
            "preset": "transcoded",
            "format": "opus",
            "trim_silence": False,
            "start": 1,
            "end": timedelta(seconds=2.5),
            "sample_rate_hertz": 16_000,
            "mono": True,
            "loudness_lufs": -16.0,
            "bit_rate_bps": 48_000,
            "transcribe": True,
            "collection": "pitches",
            "key_fields": {"pitch_id": "p1", "filename": "a.ogg"},
            "url_ttl": 60,
            "guest_address": "192.0.2.7",
        },
        request_id="0b1f2c3d-0000-4000-8000-000000000000",
    )

    assert config == pb.ProcessConfig(
        request_id="0b1f2c3d-0000-4000-8000-000000000000",
        source_name="audio/2025-12-08/a",
        preset=pb.ProcessConfig.PRESET_TRANSCODED,
        format=voice_pb2.AUDIO_FORMAT_OPUS,
        trim_silence=False,
        start_offset={"seconds": 1},
        end_offset={"seconds": 2, "nanos": 500_000_000},
        sample_rate_hertz=16_000,
        mono=True,
        loudness_lufs=-16.0,
        bit_rate_bps=48_000,
        transcribe=True,
        destination=pb.Destination(
            collection="pitches",
            key_fields={"pitch_id": "p1", "filename": "a.ogg"},
            url_ttl={"seconds": 60},
            guest_address="192.0.2.7",
        ),
    )


def test_what_is_not_given_is_not_set() -> None:
    config = processing.process_config(b"", {}, request_id=None)

    told = ("trim_silence", "mono", "loudness_lufs", "start_offset", "end_offset")
    assert not any(config.HasField(name) for name in told)


def test_bytes_become_messages_of_a_bounded_size_and_a_footer() -> None:
    messages = processing.ProcessMessages(bytes(70_000), None)

    sizes = [len(message.chunk) for message in messages.chunks(bytes(70_000))]

    assert sizes == [65_536, 4_464]
    assert messages.footer().footer == pb.ProcessFooter(
        size_bytes=70_000, sha256=hashlib.sha256(bytes(70_000)).digest()
    )
