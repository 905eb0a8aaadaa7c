"""How sentences become a file: spoken side by side, laid out in order, encoded as they come."""

from __future__ import annotations

import threading
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mayfly_synth.domain.errors import AudioTooLargeError, TextUnspeakableError
from mayfly_synth.domain.speech import SAMPLE_BYTES, Delivery, Speech
from mayfly_synth.usecases.in_order import in_order

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from mayfly_synth.domain.limits import SpeechLimits
    from mayfly_synth.domain.ports import Admission, Encoded, Encoder, Slot, SpeechEngine
    from mayfly_synth.domain.speech import SpeechOptions
    from mayfly_synth.domain.timeline import SpokenSentence, Timeline
    from mayfly_synth.domain.voices import VoiceCatalog


@dataclass(frozen=True, slots=True, kw_only=True)
class Speaking:
    """What speaking at once and speaking as a stream have in common."""

    voices: VoiceCatalog
    limits: SpeechLimits
    admission: Admission
    engine: SpeechEngine
    encoder: Encoder

    def delivery(self, options: SpeechOptions) -> Delivery:
        """The options with every choice made; see `Delivery.of`."""
        return Delivery.of(options, self.voices, sentence_silence=self.limits.sentence_silence)

    def recording(self) -> Recording:
        """A file to be kept."""
        return Recording(max_bytes=self.limits.max_audio_bytes)

    async def encoded(
        self, sentences: AsyncIterator[str], delivery: Delivery, timeline: Timeline, *, slot: Slot, window: int
    ) -> AsyncGenerator[Encoded, None]:
        """Speak sentences and answer the parts of the file as they come. To be closed by whoever opens it.

        Args:
            sentences: What to speak; the next one is taken when there is room in the window.
            delivery: How to speak.
            timeline: Gets each sentence that has a sound, before its part of the file is answered.
            slot: The characters of the sentences, which are given back as they are spoken.
            window: Most sentences that are spoken at a time, or are spoken and wait to be sent.

        Raises:
            TextUnspeakableError: If nothing in any sentence can be pronounced.
        """
        cancelled = threading.Event()

        async def speak(sentence: str) -> SpokenSentence:
            try:
                return await self.engine.speak(sentence, delivery, cancelled=cancelled)
            finally:
                slot.done(len(sentence))

        try:
            # Closed from the encoder backwards, so that nothing is closed while the next one still takes from it.
            async with (
                aclosing(in_order(sentences, speak, window=window)) as spoken,
                aclosing(_laid_out(spoken, delivery, timeline)) as pcm,
                aclosing(self.encoder.encode(pcm, delivery.format, sample_rate=delivery.voice.sample_rate)) as parts,
            ):
                async for part in parts:
                    yield part
        finally:
            cancelled.set()
        if not timeline.segments:
            raise TextUnspeakableError(position=0, why=f"the voice {delivery.voice.name} can pronounce nothing of it.")

    def finished(self, recording: Recording, delivery: Delivery, timeline: Timeline, *, text: str) -> Speech:
        """The whole file, once everything was spoken."""
        return Speech(
            data=recording.sealed(self.encoder, delivery, samples=timeline.samples),
            format=delivery.format,
            voice=delivery.voice,
            duration=timeline.duration,
            segments=tuple(timeline.segments),
            text=text,
        )


class Recording:
    """A file in memory while it grows, up to a bound."""

    __slots__ = ("_file", "_max_bytes")

    def __init__(self, *, max_bytes: int) -> None:
        self._file = bytearray()
        self._max_bytes = max_bytes

    def add(self, data: bytes) -> None:
        """Put a part at the end.

        Raises:
            AudioTooLargeError: If the bound would be passed.
        """
        size = len(self._file) + len(data)
        if size > self._max_bytes:
            raise AudioTooLargeError(size_bytes=size, max_size_bytes=self._max_bytes)
        self._file += data

    def sealed(self, encoder: Encoder, delivery: Delivery, *, samples: int) -> bytes:
        """The file with its true length in the header."""
        encoder.seal(self._file, delivery.format, sample_rate=delivery.voice.sample_rate, samples=samples)
        return bytes(self._file)


async def _laid_out(
    spoken: AsyncIterator[tuple[str, SpokenSentence]], delivery: Delivery, timeline: Timeline
) -> AsyncGenerator[bytes, None]:
    silence = round(delivery.sentence_silence.total_seconds() * delivery.voice.sample_rate)
    async for sentence, sound in spoken:
        # A line of asterisks has no sound, and no place in the answer.
        if sound.pcm:
            timeline.add(sentence, sound, silence=silence)
            yield sound.pcm + bytes(silence * SAMPLE_BYTES)
