"""From what the client tells of audio to what the page is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mayfly_gateway import recording_store
from mayfly_gateway.clocks import iso, iso_or_none
from mayfly_gateway.formats import name_of
from mayfly_gateway.page_shapes import AudioShape, WordShape
from mayfly_gateway.stable_links import path_of

if TYPE_CHECKING:
    from mayfly_client import Audio, Segment, StoredAudio
    from mayfly_gateway.remembered import SpeechNotes


def audio_shape(
    audio: Audio | StoredAudio,
    token: str,
    notes: SpeechNotes | None = None,
    *,
    voice: str = "",
    text: str = "",
    file_name: str = "",
) -> AudioShape:
    """One audio, with what is remembered of it."""
    return AudioShape(
        token=token,
        link=path_of(token),
        kind="recording" if audio.collection == recording_store.COLLECTION else "speech",
        duration=None if audio.duration is None else round(audio.duration.total_seconds(), 3),
        create_time=iso(audio.create_time),
        expire_time=iso_or_none(audio.expire_time),
        size_bytes=audio.size_bytes,
        format=name_of(audio.content_type),
        voice=voice,
        text=notes.text if notes else text,
        file_name=file_name,
        peaks=list(notes.peaks) if notes else [],
        words=words_of(notes.segments) if notes else [],
    )


def words_of(segments: tuple[Segment, ...]) -> list[WordShape]:
    """Each word and when it is heard; a sentence whose words have no times is told as a whole."""
    return [word for segment in segments for word in _words(segment)]


def _words(segment: Segment) -> list[WordShape]:
    spoken = segment.words or ()
    told = [(word.graphemes, word.start, word.end) for word in spoken]
    return [
        WordShape(text=text, start=round(start.total_seconds(), 3), end=round(end.total_seconds(), 3))
        for text, start, end in told or [(segment.graphemes, segment.start, segment.end)]
    ]
