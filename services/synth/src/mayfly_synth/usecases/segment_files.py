"""Speaking into a file for each segment."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, TypeVar

from mayfly_synth.domain.errors import AudioTooLargeError
from mayfly_synth.domain.formats import Meter
from mayfly_synth.domain.speech import Speech
from mayfly_synth.domain.timeline import Timeline
from mayfly_synth.usecases.speaking import silence_after

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from mayfly_synth.domain.speech import Delivery
    from mayfly_synth.domain.timeline import SpokenSentence
    from mayfly_synth.domain.utterance import Script, Utterance
    from mayfly_synth.usecases.speaking import Pace, Speaking

T = TypeVar("T")


async def spoken_in_files(speaking: Speaking, script: Script, delivery: Delivery, *, pace: Pace) -> Speech:
    """Speak a script into files without the silence between them.

    All times count as if the files were played one after the other, with the silence.

    Raises:
        AudioTooLargeError: If all files together are larger than one may be.
        TextUnspeakableError: If nothing in any utterance can be pronounced.
    """
    timeline = Timeline(sample_rate=delivery.voice.sample_rate)
    parts: list[Speech] = []
    room = speaking.limits.max_audio_bytes
    async with aclosing(speaking.spoken(_each(script.utterances), delivery, pace=pace)) as spoken:
        async for utterance, sound in spoken:
            timeline.add(utterance, sound, silence=silence_after(utterance, sound, delivery))
            if sound.pcm:
                parts.append(await _file(speaking, utterance, sound, delivery))
                room -= parts[-1].size_bytes
            if room < 0:
                largest = speaking.limits.max_audio_bytes
                raise AudioTooLargeError(size_bytes=largest - room, max_size_bytes=largest)
    speaking.check_heard(delivery, timeline)
    return Speech(
        data=b"",
        format=delivery.format,
        voice=delivery.voice,
        duration=timeline.duration,
        segments=tuple(timeline.segments),
        text=script.text,
        marks=tuple(timeline.marks),
        warnings=script.warnings,
        sample_rate=delivery.encoding.sample_rate,
        parts=tuple(parts),
    )


async def _file(speaking: Speaking, utterance: Utterance, sound: SpokenSentence, delivery: Delivery) -> Speech:
    """One segment as a file of its own."""
    timeline, recording = Timeline(sample_rate=delivery.voice.sample_rate), speaking.recording()
    meter = Meter(whole=True)
    timeline.add(utterance, sound, silence=0)
    async with aclosing(speaking.file_of(_each([sound.pcm]), delivery, meter)) as parts:
        async for part in parts:
            recording.add(part.data)
    return speaking.finished(recording, delivery, timeline, text=utterance.written, meter=meter)


async def _each(items: Iterable[T]) -> AsyncIterator[T]:
    for item in items:
        yield item
