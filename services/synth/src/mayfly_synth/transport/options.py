"""How to speak: the options of a request, each checked, none ignored in silence."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from mayfly_synth.domain.formats import AudioFormat
from mayfly_synth.domain.letters import folded, goes_on, unmarked
from mayfly_synth.domain.lexicon import is_pronunciation
from mayfly_synth.domain.speech import SpeechOptions
from mayfly_synth.transport import fields, sound

if TYPE_CHECKING:
    from mayfly.synth.v1 import synth_service_pb2 as pb

    from mayfly_runtime.violations import Violations

_LONGEST_SILENCE: Final = timedelta(seconds=10)
_MOST_PRONUNCIATIONS: Final = 100
_LONGEST_WORD: Final = 100
_LONGEST_PRONUNCIATION: Final = 200


def speech_options(found: Violations, field: str, asked: pb.SpeechOptions) -> SpeechOptions:
    """The options of a request.

    Raises:
        FormatUnknownError: If the release cannot write the format.
    """
    audio_format = sound.audio_format(asked.format, field=f"{field}.format", default=AudioFormat.WAV)
    silence = None
    if asked.HasField("sentence_silence"):
        name = f"{field}.sentence_silence"
        silence = fields.length(found, name, asked.sentence_silence, least=timedelta(), most=_LONGEST_SILENCE)
    return SpeechOptions(
        voice=asked.voice,
        speaker=asked.speaker,
        language_code=fields.language_code(found, f"{field}.language_code", asked.language_code),
        format=audio_format,
        sample_rate=sound.sample_rate(found, f"{field}.sample_rate_hertz", asked.sample_rate_hertz, audio_format),
        bit_rate=sound.bit_rate(found, f"{field}.bit_rate_bps", asked.bit_rate_bps, audio_format),
        loudness_lufs=_number(found, asked, field=field, name="loudness_lufs", least=-70.0, most=-5.0),
        speed=_number(found, asked, field=field, name="speed", least=0.25, most=4.0) or 1.0,
        volume=1.0 if (volume := _number(found, asked, field=field, name="volume")) is None else volume,
        sentence_silence=silence,
        noise_scale=_number(found, asked, field=field, name="noise_scale"),
        noise_w_scale=_number(found, asked, field=field, name="noise_w_scale"),
        pronunciations=_pronunciations(found, f"{field}.pronunciations", asked),
    )


def _pronunciations(found: Violations, field: str, asked: pb.SpeechOptions) -> tuple[tuple[str, str], ...]:
    given = asked.pronunciations
    found.require(
        len(given) <= _MOST_PRONUNCIATIONS, field, f"at most {_MOST_PRONUNCIATIONS} are allowed, got {len(given)}"
    )
    # Which one is at fault is not told: words are what is spoken.
    found.require(
        all(
            _is_word(word) and len(said) <= _LONGEST_PRONUNCIATION and is_pronunciation(said)
            for word, said in given.items()
        ),
        field,
        f"each needs a word of 1 to {_LONGEST_WORD} characters that begins and ends with a letter or a digit, and "
        f"1 to {_LONGEST_PRONUNCIATION} characters of other words, or of phonemes in [[...]]",
    )
    told = {(folded(word), said) for word, said in given.items()}
    same = "words that differ in case alone are the same word, and have one pronunciation"
    found.require(len(told) == len({word for word, _ in told}), field, same)
    return tuple(sorted(given.items()))


def _is_word(word: str) -> bool:
    seen = unmarked(word)
    ends = seen[:1].isalnum() and seen[-1:].isalnum() and not goes_on(word[0])
    return ends and len(word) <= _LONGEST_WORD and seen.isprintable()


def _number(
    found: Violations, asked: pb.SpeechOptions, *, field: str, name: str, least: float = 0.0, most: float = 2.0
) -> float | None:
    """An optional number; None where it is absent, as 0 says something else."""
    if not asked.HasField(name):  # type: ignore[arg-type] # the stubs list the names one by one
        return None
    return fields.number(found, f"{field}.{name}", getattr(asked, name), least=least, most=most)
