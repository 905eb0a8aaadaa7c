"""From synth's messages to results."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mayfly_client._results_processing import ProcessedAudio
from mayfly_client._results_synth import (
    AudioChunk,
    Mark,
    Segment,
    Speech,
    SpeechHeader,
    SpeechTrailer,
    StoredAudio,
    Voice,
    Word,
)
from mayfly_client._times import to_datetime, to_timedelta

if TYPE_CHECKING:
    from mayfly.synth.v1 import synth_service_pb2 as pb
    from mayfly.synth.v1 import voice_pb2

    from mayfly_client._results_synth import SpeechItem


def voice(message: voice_pb2.Voice) -> Voice:
    """A voice."""
    return Voice(
        name=message.name,
        language_code=message.language_code,
        language=message.language,
        quality=message.quality,
        sample_rate_hertz=message.sample_rate_hertz,
        speakers=tuple(message.speakers),
        has_alignments=message.has_alignments,
        is_default=message.is_default,
    )


def speech(message: pb.SynthesizeResponse) -> Speech:
    """A spoken and stored text."""
    return Speech(
        stored=_stored(message.audio) if message.HasField("audio") else None,
        segments=tuple(_segment(each) for each in message.segments),
        voice=message.voice,
        language_code=message.language_code,
        sample_rate_hertz=message.sample_rate_hertz,
        processing_time=to_timedelta(message.processing_time),
        marks=tuple(Mark(name=each.name, offset=to_timedelta(each.offset)) for each in message.marks),
        warnings=tuple(message.warnings),
        loudness_lufs=message.loudness_lufs if message.HasField("loudness_lufs") else None,
    )


def speech_item(message: pb.StreamSynthesizeResponse) -> SpeechItem | None:
    """One item of a stream; None for a kind of item that only a newer client knows."""
    match message.WhichOneof("payload"):
        case "header":
            return _header(message.header)
        case "chunk":
            return AudioChunk(message.chunk)
        case "segment":
            return _segment(message.segment)
        case "trailer":
            return _trailer(message.trailer)
        case _:
            return None


def processed(message: pb.ProcessAudioResponse) -> ProcessedAudio:
    """A processed and stored audio."""
    return ProcessedAudio(
        audio=_stored(message.audio),
        direct_upload=message.direct_upload,
        source_container=message.source_container,
        source_size_bytes=message.source_size_bytes,
        source_duration=to_timedelta(message.source_duration) if message.HasField("source_duration") else None,
        transcript=message.transcript,
        processing_time=to_timedelta(message.processing_time),
        loudness_lufs=message.loudness_lufs if message.HasField("loudness_lufs") else None,
        true_peak_dbtp=message.true_peak_dbtp if message.HasField("true_peak_dbtp") else None,
        debug_names=tuple(message.debug_names),
    )


def _header(message: pb.StreamHeader) -> SpeechHeader:
    return SpeechHeader(
        content_type=message.content_type,
        sample_rate_hertz=message.sample_rate_hertz,
        voice=message.voice,
    )


def _trailer(message: pb.StreamTrailer) -> SpeechTrailer:
    return SpeechTrailer(
        stored=_stored(message.audio) if message.HasField("audio") else None,
        duration=to_timedelta(message.duration),
        processing_time=to_timedelta(message.processing_time),
        loudness_lufs=message.loudness_lufs if message.HasField("loudness_lufs") else None,
    )


def _stored(message: pb.StoredAudio) -> StoredAudio:
    return StoredAudio(
        name=message.name,
        collection=message.collection,
        object_key=message.object_key,
        file_name=message.file_name,
        content_type=message.content_type,
        size_bytes=message.size_bytes,
        duration=to_timedelta(message.duration),
        create_time=to_datetime(message.create_time),
        expire_time=to_datetime(message.expire_time) if message.HasField("expire_time") else None,
        url=message.url,
        url_expire_time=to_datetime(message.url_expire_time) if message.HasField("url_expire_time") else None,
        sha256=message.sha256,
        local=message.local,
    )


def _segment(message: pb.Segment) -> Segment:
    return Segment(
        index=message.index,
        graphemes=message.graphemes,
        phonemes=message.phonemes,
        start=to_timedelta(message.timing.start_offset),
        end=to_timedelta(message.timing.end_offset),
        words=tuple(_word(each) for each in message.words),
        words_estimated=message.words_estimated,
        audio=_stored(message.audio) if message.HasField("audio") else None,
    )


def _word(message: pb.Word) -> Word:
    return Word(
        graphemes=message.graphemes,
        start=to_timedelta(message.timing.start_offset),
        end=to_timedelta(message.timing.end_offset),
    )
