"""From what the use cases answer to responses."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from mayfly.synth.v1 import synth_service_pb2 as pb
from mayfly.synth.v1 import voice_pb2

from mayfly_synth.domain.timeline import Segment
from mayfly_synth.usecases.stream import StreamHeader, StreamTrailer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime, timedelta

    from mayfly_synth.domain.formats import Loudness
    from mayfly_synth.domain.speech import StoredAudio
    from mayfly_synth.domain.voices import Voice
    from mayfly_synth.usecases.phonemize import Pronunciation
    from mayfly_synth.usecases.process import KeptAudio
    from mayfly_synth.usecases.stream import StreamEvent
    from mayfly_synth.usecases.synthesize import KeptSpeech

CHUNK_BYTES: Final = 65_536


def voice(told: Voice, *, default: Voice) -> voice_pb2.Voice:
    """A voice."""
    return voice_pb2.Voice(
        name=told.name,
        language_code=told.language_code,
        language=told.language,
        quality=told.quality,
        sample_rate_hertz=told.sample_rate,
        speakers=told.speakers,
        has_alignments=told.has_alignments,
        is_default=told.name == default.name,
    )


def synthesized(kept: KeptSpeech) -> pb.SynthesizeResponse:
    """Speech that was kept."""
    speech = kept.speech
    return pb.SynthesizeResponse(
        audio=None if speech.parts else stored_audio(kept.files[0]),
        segments=_segments(kept),
        voice=speech.voice.name,
        language_code=speech.voice.language_code,
        sample_rate_hertz=speech.sample_rate or speech.voice.sample_rate,
        processing_time=_duration(kept.processing_time),
        marks=[pb.Mark(name=mark.name, offset=_duration(mark.offset)) for mark in speech.marks],
        warnings=speech.warnings,
        **_measured(speech.loudness),
    )


def _segments(kept: KeptSpeech) -> list[pb.Segment]:
    segments = [segment(one) for one in kept.speech.segments]
    if kept.speech.parts:
        for one, file in zip(segments, kept.files, strict=True):
            one.audio.CopyFrom(stored_audio(file))
    return segments


def phonemized(told: Pronunciation) -> pb.PhonemizeResponse:
    """A pronunciation: segments without times."""
    segments = [pb.Segment(index=one.index, graphemes=one.graphemes, phonemes=one.phonemes) for one in told.segments]
    return pb.PhonemizeResponse(segments=segments, voice=told.voice.name)


def stream_messages(event: StreamEvent) -> Iterator[pb.StreamSynthesizeResponse]:
    """One event of a stream as messages: bytes are cut to what one message takes."""
    if isinstance(event, bytes):
        for start in range(0, len(event), CHUNK_BYTES):
            yield pb.StreamSynthesizeResponse(chunk=event[start : start + CHUNK_BYTES])
    elif isinstance(event, Segment):
        yield pb.StreamSynthesizeResponse(segment=segment(event))
    elif isinstance(event, StreamHeader):
        yield pb.StreamSynthesizeResponse(header=_header(event))
    else:
        yield pb.StreamSynthesizeResponse(trailer=_trailer(event))


def segment(told: Segment) -> pb.Segment:
    """A sentence with its times."""
    words = [pb.Word(graphemes=word.graphemes, timing=_timing(word.start, word.end)) for word in told.words]
    return pb.Segment(
        index=told.index,
        graphemes=told.graphemes,
        phonemes=told.phonemes,
        timing=_timing(told.start, told.end),
        words=words,
        words_estimated=told.words_estimated,
    )


def stored_audio(told: StoredAudio) -> pb.StoredAudio:
    """What storage keeps."""
    return pb.StoredAudio(
        name=told.name,
        collection=told.collection,
        object_key=told.object_key,
        file_name=told.file_name,
        content_type=told.content_type,
        size_bytes=told.size_bytes,
        duration=_duration(told.duration),
        create_time=_timestamp(told.create_time),
        expire_time=None if told.expire_time is None else _timestamp(told.expire_time),
        url=told.url,
        url_expire_time=_timestamp(told.url_expire_time),
        sha256=told.sha256,
        local=told.local,
    )


def _header(event: StreamHeader) -> pb.StreamHeader:
    delivery = event.delivery
    return pb.StreamHeader(
        content_type=delivery.format.content_type,
        sample_rate_hertz=delivery.encoding.sample_rate,
        voice=delivery.voice.name,
    )


def _trailer(event: StreamTrailer) -> pb.StreamTrailer:
    return pb.StreamTrailer(
        audio=None if event.audio is None else stored_audio(event.audio),
        duration=_duration(event.duration),
        processing_time=_duration(event.processing_time),
        **_measured(event.loudness),
    )


def processed(kept: KeptAudio) -> pb.ProcessAudioResponse:
    """An audio that was processed and kept."""
    made = kept.processed
    return pb.ProcessAudioResponse(
        audio=stored_audio(kept.audio),
        direct_upload=True,
        source_duration=None if made.source_duration is None else _duration(made.source_duration),
        source_size_bytes=made.source_size_bytes,
        source_container=made.source.value,
        transcript=kept.transcript,
        processing_time=_duration(kept.processing_time),
        debug_names=kept.debug_names,
        **_measured(made.loudness),
    )


def _measured(loudness: Loudness | None) -> dict[str, float]:
    """What was measured, for the fields of the same names. Silence has no peak."""
    if loudness is None:
        return {}
    peak = {"true_peak_dbtp": loudness.true_peak} if math.isfinite(loudness.true_peak) else {}
    return {"loudness_lufs": loudness.integrated, **peak}


def _timing(start: timedelta, end: timedelta) -> pb.Timing:
    return pb.Timing(start_offset=_duration(start), end_offset=_duration(end))


def _duration(value: timedelta) -> Duration:
    made = Duration()
    made.FromTimedelta(value)
    return made


def _timestamp(value: datetime) -> Timestamp:
    made = Timestamp()
    made.FromDatetime(value)
    return made
