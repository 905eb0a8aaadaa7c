"""Speech by Piper: single utterances, as many at a time as there are workers, in turns.

What differs from `PiperVoice.synthesize`, and why:

- Sessions have one thread, and workers fill the cores; see `sessions.py`, `turns.py` and `places.py`.
- A run that nobody waits for any more is stopped in the middle.
- Whoever waits for the first sound hears it before its sentence is done, if the voice can be cut; see `seams.py` and
  `tails.py`.
- Samples are not scaled to full range sentence by sentence, which would make the loudness jump.
- No text is logged. Piper logs it at DEBUG, and the phonemes that a voice lacks at WARNING.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import onnxruntime
from piper import SynthesisConfig

from mayfly_synth.domain.timeline import SpokenSentence
from mayfly_synth.domain.utterance import Utterance
from mayfly_synth.engines.alignments import Lengths, TimedWords, estimated_bounds, timed_words
from mayfly_synth.engines.listening import Listener
from mayfly_synth.engines.parted import PartedSession
from mayfly_synth.engines.places import Places
from mayfly_synth.engines.pronunciation import Pronounced, pronounce
from mayfly_synth.engines.tailed import TailedSession
from mayfly_synth.engines.widths import Widths

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from piper import PiperVoice

    from mayfly_runtime.offload import Offload
    from mayfly_synth.domain.call import Call
    from mayfly_synth.domain.ports import Heard
    from mayfly_synth.domain.speech import Delivery
    from mayfly_synth.domain.voices import Voice
    from mayfly_synth.engines.turns import Turns
    from mayfly_synth.engines.voice_cache import VoiceCache

_NOTHING: Final = SpokenSentence(pcm=b"", phonemes="")
_FULL_SCALE: Final = 32767.0


class PiperEngine:
    """Speaks with voices of a folder, an utterance at a time, in turns."""

    def __init__(
        self,
        voices: VoiceCache,
        *,
        turns: Turns,
        offload: Offload,
        places: Places | None = None,
        monotonic: Callable[[], float] = time.perf_counter,
    ) -> None:
        """Take ready voices.

        Args:
            voices: Lends them.
            turns: Whose utterance is next.
            offload: Where inference runs; it has as many workers as there are turns.
            places: Where workers compute. Default: wherever the system likes.
            monotonic: A clock. Unit: seconds.
        """
        self._monotonic = monotonic
        self._widths: dict[str, Widths] = {}
        self._voices = voices
        self._turns = turns
        self._offload = offload
        self._places = places or Places()
        logging.getLogger("piper").setLevel(logging.ERROR)

    async def speak(
        self, utterance: Utterance, delivery: Delivery, *, call: Call, heard: Heard | None = None
    ) -> SpokenSentence:
        """Speak one utterance; see `SpeechEngine`."""
        loan = await self._voices.borrow(delivery.voice.name)
        widths = self._widths.setdefault(delivery.voice.name, Widths())
        may_be_wide = call.in_haste and loan.voice.wide is not None
        if _is_repeatable(delivery):
            # With other threads, or in pieces, sums may be added in another order.
            may_be_wide, heard = False, None
        with ExitStack() as given:
            given.callback(loan.end)
            alone = may_be_wide and widths.choose_wide()
            turn = await self._turns.take(call.flow, cost=utterance.characters, alone=alone, brief=widths.is_brief)
            given.callback(turn.end)
            wide = loan.voice.wide if turn.has_all_workers else None
            run = onnxruntime.RunOptions()
            given.callback(call.on_cancel(lambda: setattr(run, "terminate", True)))
            share = widths.share(sample_rate=delivery.voice.sample_rate)
            volume = delivery.volume * utterance.volume
            listener = _listener(heard, volume=volume, share=share, is_alone=turn.is_alone) if heard else None
            piper = _for_one_run(wide or loan.voice.piper, run, listener)
            settle = self._places.take_own if wide is None else self._places.take_first
            work = self._offload.begin(self._clocked, settle, piper, utterance, delivery, call)
            used = given.pop_all()

        def over(done: asyncio.Future[tuple[SpokenSentence, float]]) -> None:
            # When the thread has ended, and not when nobody waits for it any more.
            used.close()
            # Asked for its exception, as nobody else may be there to hear it.
            if not done.cancelled() and done.exception() is None:
                spoken, seconds = done.result()
                widths.note(wide=wide is not None, seconds=seconds, samples=spoken.samples)

        work.add_done_callback(over)
        spoken, _ = await asyncio.shield(work)
        return spoken

    def _clocked(
        self, settle: Callable[[], None], piper: PiperVoice, utterance: Utterance, delivery: Delivery, call: Call
    ) -> tuple[SpokenSentence, float]:
        """At its place, with the seconds that it took.

        Without those that it waited for a worker: its turn may come in advance.
        """
        settle()
        began = self._monotonic()
        spoken = _speak(piper, utterance, delivery, call=call)
        return spoken, self._monotonic() - began

    async def phonemize(self, sentence: str, voice: Voice) -> str:
        """Pronounce one sentence; see `SpeechEngine`."""
        loan = await self._voices.borrow(voice.name)
        try:
            said = await self._offload(pronounce, loan.voice.piper, Utterance.of(sentence))
        finally:
            loan.end()
        return "".join(said.phonemes)


class _SessionOfOneRun:
    """A session whose run ends when its caller has gone, and whose beginning may be heard before its end."""

    __slots__ = ("_listener", "_options", "_session")

    def __init__(self, session: Any, options: onnxruntime.RunOptions, listener: Listener | None) -> None:
        self._session = session
        self._options = options
        self._listener = listener

    def run(self, names: None, inputs: dict[str, Any]) -> Any:
        """As `InferenceSession.run`."""
        if isinstance(self._session, PartedSession | TailedSession):
            return self._session.run(names, inputs, self._options, listener=self._listener)
        return self._session.run(names, inputs, self._options)


def _for_one_run(piper: PiperVoice, options: onnxruntime.RunOptions, listener: Listener | None) -> PiperVoice:
    return dataclasses.replace(piper, session=_SessionOfOneRun(piper.session, options, listener))


def _listener(heard: Heard, *, volume: float, share: float, is_alone: bool) -> Listener:
    """Somebody who listens in the event loop, in which this is called."""
    loop = asyncio.get_running_loop()

    def hears(samples: NDArray[np.float32]) -> None:
        loop.call_soon_threadsafe(heard, _pcm(samples, volume))

    return Listener(hears, share, is_alone)


def _is_repeatable(delivery: Delivery) -> bool:
    return delivery.noise_scale == 0 and delivery.noise_w_scale == 0


def _speak(piper: PiperVoice, utterance: Utterance, delivery: Delivery, *, call: Call) -> SpokenSentence:
    # Work that waited while its caller went away, or whose caller goes away between the two steps.
    if call.is_cancelled() or not (said := pronounce(piper, utterance)).phonemes or call.is_cancelled():
        return _NOTHING
    try:
        audio, id_samples = piper.phoneme_ids_to_audio(
            piper.phonemes_to_ids(said.phonemes), _settings(piper, utterance, delivery), include_alignments=True
        )
    except Exception:
        # onnxruntime tells only by its message that a run was stopped.
        if call.is_cancelled():
            return _NOTHING
        raise
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
