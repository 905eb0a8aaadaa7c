# ruff: noqa: RUF001 - phonemes look like letters
from __future__ import annotations

import asyncio
import dataclasses
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from mayfly_runtime.offload import Offload
from mayfly_synth.domain.call import Call
from mayfly_synth.domain.utterance import Utterance
from mayfly_synth.engines.pronunciation import pronounce
from mayfly_synth.testing import piper_engine

if TYPE_CHECKING:
    from mayfly_synth.domain.speech import Delivery
    from mayfly_synth.domain.timeline import SpokenSentence
    from mayfly_synth.domain.voices import Voice
    from mayfly_synth.engines.piper import PiperEngine
    from mayfly_synth.engines.voice_folder import LoadedVoice

SENTENCE = "The quick brown fox jumps over the lazy dog."
LANGUAGES = ("en-us", "de", "fr", "es")


async def speak(engine: PiperEngine, sentence: str, delivery: Delivery) -> SpokenSentence:
    return await engine.speak(Utterance.of(sentence), delivery, call=Call())


def samples(spoken: SpokenSentence) -> np.ndarray[Any, np.dtype[np.int16]]:
    return np.frombuffer(spoken.pcm, dtype="<i2")


async def test_a_sentence_sounds_like_speech(engine: PiperEngine, delivery: Delivery) -> None:
    sound = samples(await speak(engine, SENTENCE, delivery)).astype(float)

    seconds = len(sound) / delivery.voice.sample_rate
    assert 1.5 < seconds < 5
    assert np.sqrt(np.mean(sound**2)) > 500
    assert np.abs(sound).max() < 32767
    # Speech swells and fades; a tone or noise does not.
    loudness = [np.sqrt(np.mean(part**2)) for part in np.array_split(sound, 40)]
    assert max(loudness) > 5 * min(loudness)


async def test_without_noise_a_sentence_is_spoken_the_same_twice(engine: PiperEngine, delivery: Delivery) -> None:
    assert (await speak(engine, SENTENCE, delivery)).pcm == (await speak(engine, SENTENCE, delivery)).pcm


async def test_with_noise_no_sentence_is_spoken_the_same_twice(engine: PiperEngine, delivery: Delivery) -> None:
    noisy = dataclasses.replace(delivery, noise_scale=0.667, noise_w_scale=0.8)

    assert (await speak(engine, SENTENCE, noisy)).pcm != (await speak(engine, SENTENCE, noisy)).pcm


@pytest.mark.parametrize("speed", [0.25, 0.5, 2.0, 4.0])
async def test_speed_divides_the_length(engine: PiperEngine, delivery: Delivery, speed: float) -> None:
    normal = (await speak(engine, SENTENCE, delivery)).samples
    changed = (await speak(engine, SENTENCE, dataclasses.replace(delivery, speed=speed))).samples

    assert changed == pytest.approx(normal / speed, rel=0.15)


async def test_volume_scales_every_sample(engine: PiperEngine, delivery: Delivery) -> None:
    normal = samples(await speak(engine, SENTENCE, delivery)).astype(int)
    half = samples(await speak(engine, SENTENCE, dataclasses.replace(delivery, volume=0.5))).astype(int)

    assert np.abs(half - normal / 2).max() <= 1


async def test_what_is_too_loud_is_clipped_and_does_not_wrap_around(engine: PiperEngine, delivery: Delivery) -> None:
    normal = samples(await speak(engine, SENTENCE, delivery)).astype(int)
    loud = samples(await speak(engine, SENTENCE, dataclasses.replace(delivery, volume=2.0))).astype(int)

    assert np.abs(loud).max() == 32767
    assert (loud * normal >= 0).all()


async def test_no_volume_is_silence(engine: PiperEngine, delivery: Delivery) -> None:
    assert not samples(await speak(engine, SENTENCE, dataclasses.replace(delivery, volume=0.0))).any()


async def test_loudness_does_not_jump_between_sentences(engine: PiperEngine, delivery: Delivery) -> None:
    peaks = [
        np.abs(samples(await speak(engine, sentence, delivery)).astype(int)).max()
        for sentence in ("Hm.", SENTENCE, "Shh, hush.", "Many men ran.")
    ]

    # PiperVoice's own normalisation would make every peak 32767.
    assert len(set(peaks)) == len(peaks)
    assert max(peaks) < 32767


async def test_plain_words_are_told_with_their_times(engine: PiperEngine, delivery: Delivery) -> None:
    spoken = await speak(engine, "Quick brown foxes, lazy dogs!", delivery)

    assert [word.graphemes for word in spoken.words] == ["Quick", "brown", "foxes", "lazy", "dogs"]
    bounds = [bound for word in spoken.words for bound in (word.start, word.end)]
    assert bounds == sorted(bounds)
    assert bounds[0] > 0
    assert bounds[-1] <= spoken.samples
    sound = samples(spoken).astype(float)
    within = np.concatenate([sound[word.start : word.end] for word in spoken.words])
    pause = sound[spoken.words[2].end : spoken.words[3].start]
    assert np.sqrt(np.mean(within**2)) > 3 * np.sqrt(np.mean(pause**2))


@pytest.mark.parametrize("sentence", ["Some of the people in the house.", "I have 42 cats.", "The NASA launch."])
async def test_where_words_are_not_certain_they_are_estimated_and_it_is_said(
    engine: PiperEngine, delivery: Delivery, sentence: str
) -> None:
    spoken = await speak(engine, sentence, delivery)

    assert spoken.words_estimated
    assert [word.graphemes for word in spoken.words] == sentence.rstrip(".").split()
    bounds = [bound for word in spoken.words for bound in (word.start, word.end)]
    assert bounds == sorted(bounds)
    assert 0 < bounds[0] < bounds[-1] <= spoken.samples


async def test_a_voice_without_alignments_speaks_with_estimated_words(
    shipped: LoadedVoice, offload: Offload, delivery: Delivery
) -> None:
    sentence = "Quick brown foxes, lazy dogs!"
    engine = piper_engine([with_session(shipped, OneOutput(shipped.piper.session))], offload)
    known = await speak(piper_engine([shipped], offload), sentence, delivery)

    spoken = await speak(engine, sentence, delivery)

    assert (known.words_estimated, spoken.words_estimated) == (False, True)
    assert spoken.pcm == known.pcm
    for estimate, truth in zip(spoken.words, known.words, strict=True):
        assert estimate.graphemes == truth.graphemes
        assert estimate.start == pytest.approx(truth.start, abs=0.2 * delivery.voice.sample_rate)


@pytest.mark.parametrize("sentence", ["...", "—", '"', "( )", "_ -", "\u200b"])
async def test_what_cannot_be_pronounced_is_empty(engine: PiperEngine, delivery: Delivery, sentence: str) -> None:
    spoken = await speak(engine, sentence, delivery)

    assert (spoken.pcm, spoken.phonemes) == (b"", "")
    assert await engine.phonemize(sentence, delivery.voice) == ""


async def test_a_cancelled_sentence_is_not_spoken(engine: PiperEngine, delivery: Delivery) -> None:
    call = Call()
    call.cancel()

    assert (await engine.speak(Utterance.of(SENTENCE), delivery, call=call)).pcm == b""


async def test_a_sentence_with_an_abbreviation_is_one_sentence(engine: PiperEngine, delivery: Delivery) -> None:
    assert await engine.phonemize("Dr. Smith met Mr. O'Neil.", delivery.voice) == "dˈɑːktɚ smˈɪθ mˈɛt mˈɪstɚ oʊnˈiːl."


async def test_double_brackets_are_text_and_no_phonemes(engine: PiperEngine, delivery: Delivery) -> None:
    assert await engine.phonemize("[[ʒʒʒ]] hello", delivery.voice) != "ʒʒʒ həlˈoʊ"
    assert "həlˈoʊ" in await engine.phonemize("[[ʒʒʒ]] hello", delivery.voice)


async def test_the_speaker_reaches_the_voice(shipped: LoadedVoice, offload: Offload, delivery: Delivery) -> None:
    session = OneOutput(shipped.piper.session)
    loaded = with_session(shipped, session)
    loaded.piper.config = dataclasses.replace(loaded.piper.config, num_speakers=3)
    engine = piper_engine([loaded], offload)

    await speak(engine, SENTENCE, dataclasses.replace(delivery, speaker_id=2))

    assert session.speakers == [2]


async def test_rate_and_volume_of_an_utterance_go_on_top_of_the_callers(
    engine: PiperEngine, delivery: Delivery
) -> None:
    whole = Utterance.of(SENTENCE)
    asked = dataclasses.replace(delivery, speed=2.0, volume=0.5)

    spoken = await engine.speak(dataclasses.replace(whole, rate=0.5, volume=2.0), asked, call=Call())

    assert spoken.pcm == (await speak(engine, SENTENCE, delivery)).pcm


def test_eight_threads_hear_the_phonemes_that_one_hears(shipped: LoadedVoice) -> None:
    """espeak has one state for the whole process; texts and languages must not mix."""
    voices = [one.piper for one in four_languages(shipped)]
    jobs = [(voices[number % 4], f"Sentence number {number}, one two three, table.") for number in range(4_000)]
    alone = [pronounce(voice, Utterance.of(text)) for voice, text in jobs]

    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda job: pronounce(job[0], Utterance.of(job[1])), jobs))

    assert together == alone
    assert alone[0] != pronounce(voices[1], Utterance.of(jobs[0][1]))


async def test_callers_in_four_languages_at_once_hear_what_one_alone_hears(
    shipped: LoadedVoice, delivery: Delivery
) -> None:
    voices = four_languages(shipped)
    jobs = [(voices[number % 4].voice, f"Number {number}, table and chair.") for number in range(200)]
    pool = Offload(name="speech", workers=8, queue=len(jobs))
    engine = piper_engine(voices, pool, workers=8)

    async def said(voice: Voice, text: str) -> SpokenSentence:
        return await speak(engine, text, dataclasses.replace(delivery, voice=voice))

    alone = [await said(*job) for job in jobs]
    together = await asyncio.gather(*(said(*job) for job in jobs))
    await pool.shutdown()

    assert [sound.phonemes for sound in together] == [sound.phonemes for sound in alone]
    assert [sound.pcm for sound in together] == [sound.pcm for sound in alone]
    assert len({sound.phonemes for sound in alone}) == len(jobs)


async def test_no_text_is_logged_at_any_level(
    engine: PiperEngine, delivery: Delivery, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        await speak(engine, "Canary words, 日本 ⱱ.", delivery)

    assert [record.name for record in caplog.records if record.name.startswith("piper")] == []
    assert "anary" not in caplog.text


def four_languages(shipped: LoadedVoice) -> list[LoadedVoice]:
    """The shipped voice, as if it had learnt each."""
    return [
        dataclasses.replace(
            shipped,
            voice=dataclasses.replace(shipped.voice, name=language),
            piper=dataclasses.replace(
                shipped.piper, config=dataclasses.replace(shipped.piper.config, espeak_voice=language)
            ),
        )
        for language in LANGUAGES
    ]


def with_session(shipped: LoadedVoice, session: OneOutput) -> Any:
    return dataclasses.replace(shipped, piper=dataclasses.replace(shipped.piper, session=session))


class OneOutput:
    """The session of an older voice: no alignments; notes the speakers that are asked for."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self.speakers: list[int] = []

    def run(self, _outputs: None, inputs: dict[str, Any], _options: Any = None) -> list[Any]:
        if (speaker := inputs.pop("sid", None)) is not None:
            self.speakers.append(int(speaker[0]))
        return list(self._session.run(None, inputs)[:1])
