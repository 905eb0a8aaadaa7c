"""How a voice would pronounce a text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mayfly_synth.domain.errors import TextUnspeakableError
from mayfly_synth.domain.sentences import split
from mayfly_synth.domain.text import prepared
from mayfly_synth.domain.timeline import Segment

if TYPE_CHECKING:
    from mayfly_synth.domain.limits import SpeechLimits
    from mayfly_synth.domain.ports import SpeechEngine
    from mayfly_synth.domain.voices import Voice, VoiceCatalog


@dataclass(frozen=True, slots=True)
class Pronunciation:
    """The sentences without times, and the voice that was asked."""

    segments: tuple[Segment, ...]
    voice: Voice


@dataclass(frozen=True, slots=True, kw_only=True)
class Phonemize:
    """Stores nothing."""

    voices: VoiceCatalog
    limits: SpeechLimits
    engine: SpeechEngine

    async def __call__(self, text: str, *, voice: str) -> Pronunciation:
        """Pronounce a text.

        Raises:
            TextError: If it cannot be pronounced.
            VoiceUnknownError: If no voice has the name.
        """
        normal = prepared(text, max_characters=self.limits.max_characters)
        chosen = self.voices.choose(voice)
        segments: list[Segment] = []
        for sentence in split(normal, longest=self.limits.max_sentence_characters):
            if phonemes := await self.engine.phonemize(sentence, chosen):
                segments.append(Segment(index=len(segments), graphemes=sentence, phonemes=phonemes))
        if not segments:
            raise TextUnspeakableError(position=0, why=f"the voice {chosen.name} can pronounce nothing of it.")
        return Pronunciation(tuple(segments), chosen)
