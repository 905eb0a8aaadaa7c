"""Speak a text, keep it, answer it with a link: admit, speak, encode, store."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from mayfly_synth.domain.sentences import split
from mayfly_synth.domain.text import prepared
from mayfly_synth.domain.timeline import Timeline

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from mayfly_synth.domain.speech import Delivery, Destination, RequestKey, Speech, SpeechOptions, StoredAudio
    from mayfly_synth.usecases.keeping import Keeping
    from mayfly_synth.usecases.speaking import Speaking


@dataclass(frozen=True, slots=True, kw_only=True)
class SynthesizeCommand:
    """A text to speak and to keep."""

    key: RequestKey
    text: str = field(repr=False)
    options: SpeechOptions
    destination: Destination


@dataclass(frozen=True, slots=True)
class KeptSpeech:
    """The answer: what was spoken, and where it is."""

    speech: Speech
    audio: StoredAudio
    processing_time: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Synthesize:
    """Idempotent by the command's key: see `RecentSpeech` for how far."""

    speaking: Speaking
    keeping: Keeping
    window: int
    """Sentences that are spoken side by side."""
    monotonic: Callable[[], float]

    async def __call__(self, command: SynthesizeCommand) -> KeptSpeech:
        """Speak and keep. Nothing is kept unless this returns.

        Raises:
            SynthError: What is wrong with the text, the options or the destination, or that the server is busy.
        """
        began = self.monotonic()
        text = prepared(command.text, max_characters=self.speaking.limits.max_characters)
        delivery = self.speaking.delivery(command.options)
        speech, audio = await self.keeping(
            command.key,
            command.destination,
            fingerprint=(delivery, text),
            reserve=lambda: self.keeping.sink.reserve(
                command.key, command.destination, characters=len(text), size_bytes=delivery.least_bytes(len(text))
            ),
            speak=lambda: self._speak(text, delivery),
        )
        return KeptSpeech(speech, audio, timedelta(seconds=self.monotonic() - began))

    async def _speak(self, text: str, delivery: Delivery) -> Speech:
        timeline, recording = Timeline(sample_rate=delivery.voice.sample_rate), self.speaking.recording()
        sentences = _each(split(text, longest=self.speaking.limits.max_sentence_characters))
        with self.speaking.admission.admit(len(text)) as slot:
            encoded = self.speaking.encoded(sentences, delivery, timeline, slot=slot, window=self.window)
            async with aclosing(encoded) as parts:
                async for part in parts:
                    recording.add(part.data)
        return self.speaking.finished(recording, delivery, timeline, text=text)


async def _each(sentences: Sequence[str]) -> AsyncIterator[str]:
    for sentence in sentences:
        yield sentence
