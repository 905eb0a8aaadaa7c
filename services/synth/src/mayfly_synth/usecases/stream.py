"""Speak a text that is still being written: the first sentence is heard while the next one is computed."""

from __future__ import annotations

import unicodedata
from contextlib import aclosing, nullcontext
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, TypeAlias

from mayfly_synth.domain.formats import Loudness, Meter
from mayfly_synth.domain.sentences import SentenceBuffer
from mayfly_synth.domain.text import TextIntake
from mayfly_synth.domain.timeline import Segment, Timeline
from mayfly_synth.usecases.counting import CountedAhead
from mayfly_synth.usecases.speaking import Pace

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable

    from mayfly_synth.domain.composing import Composer
    from mayfly_synth.domain.ports import Encoded, Slot
    from mayfly_synth.domain.speech import Delivery, Destination, RequestKey, Speech, SpeechOptions, StoredAudio
    from mayfly_synth.domain.utterance import Utterance
    from mayfly_synth.usecases.keeping import Keeping
    from mayfly_synth.usecases.speaking import Recording, Speaking


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamCommand:
    """How to speak the text that follows."""

    key: RequestKey
    options: SpeechOptions
    destination: Destination
    discard: bool = False
    """Do not keep the audio."""


@dataclass(frozen=True, slots=True)
class StreamHeader:
    """What follows: always the first event."""

    delivery: Delivery


@dataclass(frozen=True, slots=True)
class StreamTrailer:
    """What was kept: always the last event."""

    audio: StoredAudio | None
    """None if the audio was to be discarded."""
    duration: timedelta
    processing_time: timedelta
    loudness: Loudness | None = None
    """Where one was asked for."""


StreamEvent: TypeAlias = StreamHeader | bytes | Segment | StreamTrailer
"""Header, then parts of the file and segments, each segment after the part in which it ends, then the trailer."""


@dataclass(slots=True)
class _Script:
    """The text as it comes."""

    intake: TextIntake
    buffer: SentenceBuffer
    composer: Composer
    counted: CountedAhead
    pieces: list[str] = field(default_factory=list, repr=False)

    async def utterances(self, pieces: AsyncIterator[str], slot: Slot) -> AsyncGenerator[Utterance, None]:
        """Each sentence once its end is certain and it is counted; its characters are added to the slot."""
        async with aclosing(self._sentences(pieces)) as sentences:
            async for sentence in sentences:
                for utterance in self.composer.sentence(sentence):
                    self.intake.say(utterance.characters)
                    await self.counted.take(utterance.characters)
                    slot.grow(utterance.characters)
                    yield utterance

    async def _sentences(self, pieces: AsyncIterator[str]) -> AsyncGenerator[str, None]:
        async for piece in pieces:
            self.pieces.append(self.intake.take(piece))
            for sentence in self.buffer.feed(self.pieces[-1]):
                yield sentence
        self.intake.end()
        for sentence in self.buffer.rest():
            yield sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamSpeech:
    """Idempotent in what is kept, as `Synthesize` is. The audio of a retry is spoken and sent anew."""

    speaking: Speaking
    keeping: Keeping
    window: int
    """Sentences that are spoken at a time, or are spoken and wait to be sent."""
    monotonic: Callable[[], float]

    async def __call__(self, command: StreamCommand, pieces: AsyncIterator[str]) -> AsyncGenerator[StreamEvent, None]:
        """Speak pieces of text as they come. To be closed by whoever opens it.

        Text is taken no faster than events are: a slow listener slows the writer down.

        Raises:
            SynthError: What is wrong with the text, the options or the destination, or that the server is busy.
        """
        began = self.monotonic()
        delivery = self.speaking.delivery(command.options)
        timeline, meter = Timeline(sample_rate=delivery.voice.sample_rate), Meter()
        recording = None if command.discard else self.speaking.recording()
        script = self._script(command, delivery)
        with self.speaking.admission.admit(0) as slot:
            yield StreamHeader(delivery)
            pace = Pace(slot=slot, window=self.window, streams=True)
            async with (
                aclosing(script.utterances(pieces, slot)) as utterances,
                aclosing(self.speaking.encoded(utterances, delivery, timeline, pace=pace, meter=meter)) as parts,
                aclosing(_events(parts, timeline, recording)) as events,
            ):
                async for event in events:
                    yield event
        audio = None
        if recording is not None:
            text = unicodedata.normalize("NFC", "".join(script.pieces))
            speech = self.speaking.finished(recording, delivery, timeline, text=text, meter=meter)
            audio = await self._keep(command, delivery, speech, script.counted)
        took = timedelta(seconds=self.monotonic() - began)
        yield StreamTrailer(audio, timeline.duration, took, meter.loudness)

    def _script(self, command: StreamCommand, delivery: Delivery) -> _Script:
        limits = self.speaking.limits
        return _Script(
            TextIntake(max_in_piece=limits.max_characters, max_in_all=limits.max_stream_characters),
            SentenceBuffer(longest=limits.max_sentence_characters),
            self.speaking.composer(delivery),
            CountedAhead(
                sink=self.keeping.sink,
                key=command.key,
                destination=command.destination,
                is_kept=not command.discard,
            ),
        )

    async def _keep(
        self, command: StreamCommand, delivery: Delivery, speech: Speech, counted: CountedAhead
    ) -> StoredAudio:
        async def spoken(_: None) -> Speech:
            return speech

        async def reserved() -> str:
            return counted.reservation

        fingerprint = (delivery, speech.text)
        _, [audio] = await self.keeping(
            command.key,
            command.destination,
            fingerprint=fingerprint,
            reserve=reserved,
            admit=nullcontext,
            speak=spoken,
        )
        return audio


async def _events(
    parts: AsyncIterator[Encoded], timeline: Timeline, recording: Recording | None
) -> AsyncGenerator[bytes | Segment, None]:
    async for part in parts:
        if recording is not None:
            recording.add(part.data)
        yield part.data
        for segment in timeline.heard(part.heard):
            yield segment
    for segment in timeline.rest():
        yield segment
