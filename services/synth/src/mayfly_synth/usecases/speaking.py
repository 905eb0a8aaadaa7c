"""How sentences become a file: spoken side by side, laid out in order, encoded as they come."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from mayfly_synth.domain.call import Call
from mayfly_synth.domain.composing import Composer
from mayfly_synth.domain.errors import AudioTooLargeError, TextUnspeakableError
from mayfly_synth.domain.lexicon import Lexicon
from mayfly_synth.domain.speech import SAMPLE_BYTES, Delivery, Speech
from mayfly_synth.domain.timeline import SpokenSentence
from mayfly_synth.usecases.beginning import with_beginning
from mayfly_synth.usecases.in_order import in_order

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from mayfly_synth.domain.formats import Meter
    from mayfly_synth.domain.limits import SpeechLimits
    from mayfly_synth.domain.ports import Admission, Encoded, Encoder, Heard, Slot, SpeechEngine
    from mayfly_synth.domain.speech import SpeechOptions
    from mayfly_synth.domain.timeline import Timeline
    from mayfly_synth.domain.utterance import Utterance
    from mayfly_synth.domain.voices import VoiceCatalog

_SILENCE: Final = SpokenSentence(pcm=b"", phonemes="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How the utterances of a call are taken."""

    slot: Slot
    """Their characters, which are given back as they are spoken."""
    window: int
    """Most that are spoken at a time, or are spoken and wait to be taken."""
    in_haste: bool = True
    """Whether somebody waits for the first one, and not for all of them. Then it is spoken before any other begins."""
    streams: bool = False
    """Whether somebody hears each as it comes. Then the first one is heard before it is spoken to its end."""


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

    def composer(self, delivery: Delivery) -> Composer:
        """Makes utterances of texts.

        Raises:
            PhonemesUnknownError: If the voice does not know the phonemes of a pronunciation.
        """
        lexicon = Lexicon(delivery.pronunciations, delivery.voice)
        return Composer(lexicon=lexicon, longest=self.limits.max_sentence_characters)

    def recording(self) -> Recording:
        """A file to be kept."""
        return Recording(max_bytes=self.limits.max_audio_bytes)

    async def encoded(
        self,
        utterances: AsyncIterator[Utterance],
        delivery: Delivery,
        timeline: Timeline,
        *,
        pace: Pace,
        meter: Meter,
    ) -> AsyncGenerator[Encoded, None]:
        """Speak utterances and answer the parts of the file as they come. To be closed by whoever opens it.

        Args:
            utterances: What to speak; the next one is taken when there is room in the window.
            delivery: How to speak.
            timeline: Gets each utterance that has a sound, before its part of the file is answered.
            pace: How many at a time.
            meter: Filled in at the end.

        Raises:
            TextUnspeakableError: If nothing in any utterance can be pronounced.
        """
        beginning: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        heard = beginning.set_result if pace.streams else None
        # Closed from the encoder backwards, so that nothing is closed while the next one still takes from it.
        async with (
            aclosing(self.spoken(utterances, delivery, pace=pace, heard=heard)) as spoken,
            aclosing(with_beginning(spoken, beginning) if pace.streams else spoken) as sounds,
            aclosing(_laid_out(sounds, delivery, timeline)) as pcm,
            aclosing(self.file_of(pcm, delivery, meter)) as parts,
        ):
            async for part in parts:
                yield part
        self.check_heard(delivery, timeline)

    async def spoken(
        self, utterances: AsyncIterator[Utterance], delivery: Delivery, *, pace: Pace, heard: Heard | None = None
    ) -> AsyncGenerator[tuple[Utterance, SpokenSentence], None]:
        """Speak utterances side by side, and answer each with its sound, in order. To be closed by whoever opens it.

        Args:
            utterances: What to speak.
            delivery: How to speak.
            pace: How many at a time.
            heard: May be called with the beginning of the first one.
        """
        call = Call(in_haste=pace.in_haste)
        hears = iter((heard,))

        async def speak(utterance: Utterance) -> SpokenSentence:
            heard = next(hears, None)
            if not utterance.pieces:
                return _SILENCE
            try:
                return await self.engine.speak(utterance, delivery, call=call, heard=heard)
            finally:
                pace.slot.done(utterance.characters)

        try:
            spoken = in_order(utterances, speak, window=pace.window, first_alone=pace.in_haste)
            async with aclosing(spoken) as answers:
                async for answer in answers:
                    yield answer
        finally:
            call.cancel()

    def check_heard(self, delivery: Delivery, timeline: Timeline) -> None:
        """Make sure that something was said.

        Raises:
            TextUnspeakableError: If nothing in any utterance could be pronounced.
        """
        if not timeline.segments:
            raise TextUnspeakableError(position=0, why=f"the voice {delivery.voice.name} can pronounce nothing of it.")

    def file_of(self, pcm: AsyncIterator[bytes], delivery: Delivery, meter: Meter) -> AsyncGenerator[Encoded, None]:
        """Encode the samples of the voice. To be closed by whoever opens it."""
        rate = delivery.voice.sample_rate
        return self.encoder.encode(pcm, delivery.encoding, sample_rate=rate, meter=meter)

    def finished(
        self,
        recording: Recording,
        delivery: Delivery,
        timeline: Timeline,
        *,
        text: str,
        meter: Meter,
        warnings: tuple[str, ...] = (),
    ) -> Speech:
        """The whole file, once everything was spoken."""
        return Speech(
            data=recording.sealed(self.encoder, delivery, samples=timeline.samples, meter=meter),
            sample_rate=delivery.encoding.sample_rate,
            loudness=meter.loudness,
            format=delivery.format,
            voice=delivery.voice,
            duration=timeline.duration,
            segments=tuple(timeline.segments),
            text=text,
            marks=tuple(timeline.marks),
            warnings=warnings,
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

    def sealed(self, encoder: Encoder, delivery: Delivery, *, samples: int, meter: Meter) -> bytes:
        """The file with its true length in the header."""
        rate = delivery.voice.sample_rate
        encoder.seal(self._file, delivery.encoding, sample_rate=rate, samples=samples, meter=meter)
        return bytes(self._file)


def silence_after(utterance: Utterance, sound: SpokenSentence, delivery: Delivery) -> int:
    """Samples of silence after an utterance."""
    pause = utterance.pause
    # A line of asterisks has no sound, and no silence of a sentence after it.
    if pause is None:
        pause = delivery.sentence_silence if sound.pcm else timedelta()
    return round(pause.total_seconds() * delivery.voice.sample_rate)


async def _laid_out(
    sounds: AsyncIterator[bytes | tuple[Utterance, SpokenSentence]], delivery: Delivery, timeline: Timeline
) -> AsyncGenerator[bytes, None]:
    beginning = b""
    async for sound in sounds:
        if isinstance(sound, bytes):
            beginning = sound
            yield beginning
            continue
        utterance, spoken = sound
        silence = silence_after(utterance, spoken, delivery)
        timeline.add(utterance, spoken, silence=silence)
        if spoken.pcm or silence:
            yield spoken.pcm[len(beginning) :] + bytes(silence * SAMPLE_BYTES)
        beginning = b""
