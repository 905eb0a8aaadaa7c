"""Speak a text, keep it, answer it with a link: admit, speak, encode, store."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from mayfly_synth.domain.composing import plain_script
from mayfly_synth.domain.errors import TextTooLongError, TooManySegmentsError
from mayfly_synth.domain.formats import Meter
from mayfly_synth.domain.ssml import read_ssml
from mayfly_synth.domain.text import prepared
from mayfly_synth.domain.timeline import Timeline
from mayfly_synth.usecases.segment_files import spoken_in_files
from mayfly_synth.usecases.speaking import Pace

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from mayfly_synth.domain.ports import Slot
    from mayfly_synth.domain.speech import Delivery, Destination, RequestKey, Speech, SpeechOptions, StoredAudio
    from mayfly_synth.domain.utterance import Script, Utterance
    from mayfly_synth.usecases.keeping import Keeping
    from mayfly_synth.usecases.speaking import Speaking


@dataclass(frozen=True, slots=True, kw_only=True)
class SynthesizeCommand:
    """A text to speak and to keep."""

    key: RequestKey
    text: str = field(repr=False)
    ssml: bool = False
    """Whether the text is SSML."""
    lenient: bool = False
    """Whether SSML that is not understood is left out with a warning."""
    options: SpeechOptions
    destination: Destination
    file_per_segment: bool = False


@dataclass(frozen=True, slots=True)
class KeptSpeech:
    """The answer: what was spoken, and where it is."""

    speech: Speech
    files: tuple[StoredAudio, ...]
    """One for all, or one for each segment."""
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
        script = self._script(command, text, delivery)
        speech, files = await self.keeping(
            command.key,
            command.destination,
            fingerprint=(delivery, command.ssml, command.file_per_segment, text),
            reserve=lambda: self.keeping.sink.reserve(
                command.key,
                command.destination,
                characters=script.characters,
                size_bytes=delivery.least_bytes(script.characters),
            ),
            admit=lambda: self.speaking.admission.admit(script.characters),
            speak=lambda slot: self._speak(script, delivery, slot, in_files=command.file_per_segment),
        )
        return KeptSpeech(speech, files, timedelta(seconds=self.monotonic() - began))

    def _script(self, command: SynthesizeCommand, text: str, delivery: Delivery) -> Script:
        limits, composer = self.speaking.limits, self.speaking.composer(delivery)
        if command.ssml:
            script = read_ssml(text, delivery, composer, lenient=command.lenient)
        else:
            script = plain_script(text, composer)
        # What is written in few words may be said in many.
        if script.characters > limits.max_characters:
            raise TextTooLongError(characters=script.characters, max_characters=limits.max_characters)
        if command.file_per_segment and len(script.utterances) > limits.max_segment_files:
            raise TooManySegmentsError(segments=len(script.utterances), max_segments=limits.max_segment_files)
        return script

    async def _speak(self, script: Script, delivery: Delivery, slot: Slot, *, in_files: bool) -> Speech:
        # For many utterances it is faster to speak side by side from the first one on.
        pace = Pace(slot=slot, window=self.window, in_haste=len(script.utterances) == 1)
        if in_files:
            return await spoken_in_files(self.speaking, script, delivery, pace=pace)
        return await self._in_one_file(script, delivery, pace)

    async def _in_one_file(self, script: Script, delivery: Delivery, pace: Pace) -> Speech:
        timeline, recording = Timeline(sample_rate=delivery.voice.sample_rate), self.speaking.recording()
        meter, utterances = Meter(whole=True), _each(script.utterances)
        encoded = self.speaking.encoded(utterances, delivery, timeline, pace=pace, meter=meter)
        async with aclosing(encoded) as parts:
            async for part in parts:
                recording.add(part.data)
        return self.speaking.finished(
            recording, delivery, timeline, text=script.text, meter=meter, warnings=script.warnings
        )


async def _each(utterances: Sequence[Utterance]) -> AsyncIterator[Utterance]:
    for utterance in utterances:
        yield utterance
