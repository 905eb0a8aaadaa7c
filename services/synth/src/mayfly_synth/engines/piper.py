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

from mayfly_synth.domain.timeline import SpokenSentence
from mayfly_synth.domain.utterance import Utterance
from mayfly_synth.engines.alignments import Lengths, TimedWords, estimated_bounds, timed_words
from mayfly_synth.engines.pronunciation import Pronounced, pronounce

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

    async def speak(self, utterance: Utterance, delivery: Delivery, *, cancelled: threading.Event) -> SpokenSentence:
        """Speak one utterance; see `SpeechEngine`."""
        return await self._offload(_speak, self._voices[delivery.voice.name], utterance, delivery, cancelled=cancelled)

    async def phonemize(self, sentence: str, voice: Voice) -> str:
        """Pronounce one sentence; see `SpeechEngine`."""
        said = await self._offload(pronounce, self._voices[voice.name], Utterance.of(sentence))
        return "".join(said.phonemes)


def _speak(
    piper: PiperVoice, utterance: Utterance, delivery: Delivery, *, cancelled: threading.Event
) -> SpokenSentence:
    # Work that waited in the queue while its caller went away, or whose caller goes away between the two steps.
    if cancelled.is_set() or not (said := pronounce(piper, utterance)).phonemes or cancelled.is_set():
        return _NOTHING
    audio, id_samples = piper.phoneme_ids_to_audio(
        piper.phonemes_to_ids(said.phonemes), _settings(piper, utterance, delivery), include_alignments=True
    )
    samples = np.atleast_1d(audio)
    timed = _timed(piper, said, samples=len(samples), id_samples=id_samples)
    return SpokenSentence(
        pcm=_pcm(samples, delivery.volume * utterance.volume),
        phonemes="".join(said.phonemes).strip(),
        words=timed.words,
        words_estimated=timed.estimated,
    )


def _timed(piper: PiperVoice, said: Pronounced, *, samples: int, id_samples: NDArray[np.int64] | None) -> TimedWords:
    if id_samples is not None and int(id_samples.sum()) == samples:
        bounds = Lengths(piper.config.phoneme_id_map, np.atleast_1d(id_samples)).bounds(said.phonemes)
        return timed_words(said.tokens, said.phonemes, bounds, estimated=False)
    return timed_words(said.tokens, said.phonemes, estimated_bounds(said.phonemes, samples), estimated=True)


def _settings(piper: PiperVoice, utterance: Utterance, delivery: Delivery) -> SynthesisConfig:
    return SynthesisConfig(
        speaker_id=delivery.speaker_id,
        length_scale=piper.config.length_scale / (delivery.speed * utterance.rate),
        noise_scale=delivery.noise_scale,
        noise_w_scale=delivery.noise_w_scale,
    )


def _pcm(audio: NDArray[np.float32], volume: float) -> bytes:
    """16-bit samples. What is too loud is clipped; without the clip it would wrap around and crack."""
    scaled = np.clip(audio * np.float32(volume * _FULL_SCALE), -_FULL_SCALE, _FULL_SCALE)
    data: bytes = scaled.astype("<i2").tobytes()
    return data
