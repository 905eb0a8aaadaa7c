"""What PocketSphinx hears of the shipped voice: the words that it was to say, and no others."""

from __future__ import annotations

import sys
from datetime import timedelta
from typing import TYPE_CHECKING

import pocketsphinx
import pytest

from mayfly_runtime.offload import Offload
from mayfly_synth.domain.call import Call
from mayfly_synth.domain.formats import AudioFormat
from mayfly_synth.domain.processing import ProcessingLimits, Steps
from mayfly_synth.domain.processing_errors import ProcessingBusyError, TranscriberFailedError
from mayfly_synth.domain.utterance import Utterance
from mayfly_synth.engines import wav
from mayfly_synth.engines.ffmpeg import Ffmpeg, Limits
from mayfly_synth.engines.processing import FfmpegProcessor
from mayfly_synth.engines.processing_slots import ProcessingSlots
from mayfly_synth.engines.scratch import Scratch
from mayfly_synth.engines.sphinx import SphinxTranscriber, TranscriberUnavailableError
from mayfly_synth.testing_processing import SOUND, pieces

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from mayfly_synth.domain.speech import Delivery
    from mayfly_synth.engines.piper import PiperEngine

SENTENCES = (
    "Good morning. How are you today?",
    "The weather is fine, and the birds are singing in the garden.",
    "Please leave your message after the tone.",
    "Your train to London leaves at seven.",
)
RETRY_AFTER = timedelta(seconds=1)


@pytest.fixture
async def processor(tmp_path: Path) -> AsyncIterator[FfmpegProcessor]:
    disk = Offload(name="scratch", workers=1, queue=4)
    limits = ProcessingLimits()
    scratch = Scratch.in_folders([tmp_path], max_bytes=limits.max_input_bytes)
    yield FfmpegProcessor(Ffmpeg.find(), scratch=scratch, limits=limits, offload=disk)
    await disk.shutdown()


def transcriber(processor: FfmpegProcessor, *, running: int = 1, cpu_seconds: int = 60) -> SphinxTranscriber:
    slots = ProcessingSlots(running=running, waiting=0, retry_after=RETRY_AFTER)
    limits = Limits(cpu_seconds=cpu_seconds)
    return SphinxTranscriber.installed(processor, limits=limits, slots=slots, retry_after=RETRY_AFTER)


async def spoken(engine: PiperEngine, text: str, delivery: Delivery) -> bytes:
    """A WAV file of the shipped voice."""
    pcm = (await engine.speak(Utterance.of(text), delivery, call=Call())).pcm
    return wav.header(sample_rate=delivery.voice.sample_rate, data_bytes=len(pcm)) + pcm


def words(text: str) -> str:
    return "".join(letter for letter in text.lower() if letter.isalpha() or letter == " ")


@pytest.mark.parametrize("sentence", SENTENCES[:2])
async def test_what_the_voice_says_is_heard(
    engine: PiperEngine, delivery: Delivery, processor: FfmpegProcessor, sentence: str
) -> None:
    audio = await spoken(engine, sentence, delivery)

    heard = await transcriber(processor).transcribe(audio, content_type="audio/wav", file_name="audio.wav")

    assert heard == words(sentence)


@pytest.mark.parametrize("sentence", SENTENCES)
async def test_the_voice_says_what_it_should_and_nothing_else(
    engine: PiperEngine, delivery: Delivery, processor: FfmpegProcessor, sentence: str
) -> None:
    """Forced alignment: how well each text fits the sound. The right one fits, and none fits as well."""
    audio = await spoken(engine, sentence, delivery)
    heard = await processor.process(pieces(audio), Steps(format=AudioFormat.PCM, sample_rate=16_000, mono=True))

    fits = {text: _fit(heard.data, text) for text in SENTENCES}

    assert fits[sentence] > 0
    assert max(fits, key=lambda text: fits[text]) == sentence


def _fit(samples: bytes, text: str) -> float:
    """The score of an alignment; 0 where there is none."""
    decoder = pocketsphinx.Decoder(samprate=16_000, loglevel="FATAL")
    decoder.set_align_text(words(text))
    decoder.start_utt()
    decoder.process_raw(samples, full_utt=True)
    decoder.end_utt()
    found = decoder.hyp()
    return found.score if found and found.hypstr == words(text) else 0.0


async def test_a_tone_says_nothing(processor: FfmpegProcessor) -> None:
    heard = await transcriber(processor).transcribe(SOUND, content_type="audio/wav", file_name="audio.wav")

    assert len(heard.split()) <= 2


async def test_what_is_no_audio_is_a_failure(processor: FfmpegProcessor) -> None:
    with pytest.raises(TranscriberFailedError, match="cannot hear"):
        await transcriber(processor).transcribe(b"neither fish nor fowl", content_type="", file_name="a")


async def test_no_more_listen_at_a_time_than_may(processor: FfmpegProcessor) -> None:
    with pytest.raises(ProcessingBusyError):
        await transcriber(processor, running=0).transcribe(SOUND, content_type="audio/wav", file_name="a.wav")


async def test_without_the_extra_the_start_says_what_to_install(
    processor: FfmpegProcessor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pocketsphinx", None)

    with pytest.raises(TranscriberUnavailableError, match=r"mayfly-synth\[pocketsphinx\]"):
        transcriber(processor)
