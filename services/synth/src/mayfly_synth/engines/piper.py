"""Speech by Piper: single sentences, as many at a time as there are workers.

What differs from `PiperVoice.synthesize`, and why:

- Each voice has one inference session with one thread. A session that spreads over all cores is slower as soon as two
  callers speak at a time; the workers of the pool are what fills the cores.
- Samples are not scaled to full range sentence by sentence, which would make the loudness jump.
- No text is logged. Piper logs it at DEBUG, and the phonemes that a voice lacks at WARNING.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

import numpy as np
from piper import SynthesisConfig

from mayfly_synth.domain.timeline import SpokenSentence, SpokenWord
from mayfly_synth.engines.alignments import Lengths, words_of
from mayfly_synth.engines.pronunciation import pronounce

if TYPE_CHECKING:
    import threading
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from piper import PiperVoice

    from mayfly_runtime.offload import Offload
    from mayfly_synth.domain.speech import Delivery
    from mayfly_synth.domain.voices import Voice

_NOTHING: Final = SpokenSentence(pcm=b"", phonemes="")
_FULL_SCALE: Final = 32767.0


class PiperEngine:
    """Speaks with voices that are loaded."""

    def __init__(self, voices: Mapping[str, PiperVoice], *, offload: Offload) -> None:
        """Take ready voices.

        Args:
            voices: By name.
            offload: Where inference runs; its workers are how many sentences are spoken at a time.
        """
        self._voices = voices
        self._offload = offload
        logging.getLogger("piper").setLevel(logging.ERROR)

    async def speak(self, sentence: str, delivery: Delivery, *, cancelled: threading.Event) -> SpokenSentence:
        """Speak one sentence; see `SpeechEngine`."""
        return await self._offload(_speak, self._voices[delivery.voice.name], sentence, delivery, cancelled=cancelled)

    async def phonemize(self, sentence: str, voice: Voice) -> str:
        """Pronounce one sentence; see `SpeechEngine`."""
        return "".join(await self._offload(pronounce, self._voices[voice.name], sentence))


def _speak(piper: PiperVoice, sentence: str, delivery: Delivery, *, cancelled: threading.Event) -> SpokenSentence:
    # Work that waited in the queue while its caller went away, or whose caller goes away between the two steps.
    if cancelled.is_set() or not (phonemes := pronounce(piper, sentence)) or cancelled.is_set():
        return _NOTHING
    audio, id_samples = piper.phoneme_ids_to_audio(
        piper.phonemes_to_ids(phonemes), _settings(piper, delivery), include_alignments=True
    )
    samples = np.atleast_1d(audio)
    words: tuple[SpokenWord, ...] = ()
    if id_samples is not None:
        lasting = Lengths(piper.config.phoneme_id_map, np.atleast_1d(id_samples))
        words = words_of(sentence, phonemes, lasting, samples=len(samples))
    return SpokenSentence(pcm=_pcm(samples, delivery.volume), phonemes="".join(phonemes), words=words)


def _settings(piper: PiperVoice, delivery: Delivery) -> SynthesisConfig:
    return SynthesisConfig(
        speaker_id=delivery.speaker_id,
        length_scale=piper.config.length_scale / delivery.speed,
        noise_scale=delivery.noise_scale,
        noise_w_scale=delivery.noise_w_scale,
    )


def _pcm(audio: NDArray[np.float32], volume: float) -> bytes:
    """16-bit samples. What is too loud is clipped; without the clip it would wrap around and crack."""
    scaled = np.clip(audio * np.float32(volume * _FULL_SCALE), -_FULL_SCALE, _FULL_SCALE)
    data: bytes = scaled.astype("<i2").tobytes()
    return data
