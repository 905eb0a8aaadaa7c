"""How a result is to sound, in every request that makes one: format, rates, loudness."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mayfly.synth.v1 import voice_pb2

from mayfly_synth.domain.errors import FormatUnknownError
from mayfly_synth.domain.formats import AudioFormat

if TYPE_CHECKING:
    from mayfly_runtime.violations import Violations

_FORMATS: Final = {
    voice_pb2.AUDIO_FORMAT_WAV: AudioFormat.WAV,
    voice_pb2.AUDIO_FORMAT_MP3: AudioFormat.MP3,
    voice_pb2.AUDIO_FORMAT_OPUS: AudioFormat.OPUS,
    voice_pb2.AUDIO_FORMAT_AAC: AudioFormat.AAC,
    voice_pb2.AUDIO_FORMAT_FLAC: AudioFormat.FLAC,
    voice_pb2.AUDIO_FORMAT_PCM: AudioFormat.PCM,
    voice_pb2.AUDIO_FORMAT_MULAW: AudioFormat.MULAW,
    voice_pb2.AUDIO_FORMAT_ALAW: AudioFormat.ALAW,
}
_RATES: Final = (8_000, 48_000)
_BIT_RATES: Final = (16_000, 320_000)


def audio_format(value: voice_pb2.AudioFormat.ValueType, *, field: str, default: AudioFormat) -> AudioFormat:
    """The format that was asked for.

    Args:
        value: The contract's number.
        field: The path of the field.
        default: Where none was asked for.

    Raises:
        FormatUnknownError: If this release does not know it.
    """
    if value == voice_pb2.AUDIO_FORMAT_UNSPECIFIED:
        return default
    if value in _FORMATS:
        return _FORMATS[value]
    # A newer client may know formats that this server has not even heard of.
    raise FormatUnknownError(str(value), allowed=[known.value for known in AudioFormat], field=field)


def sample_rate(found: Violations, field: str, value: int, chosen: AudioFormat) -> int | None:
    """The sample rate that was asked for; None: none."""
    if not value:
        return None
    least, most = _RATES
    if chosen.sample_rates:
        allowed = ", ".join(f"{rate}" for rate in chosen.sample_rates)
        found.require(value in chosen.sample_rates, field, f"{chosen.value} takes {allowed}, got {value}")
    else:
        found.require(least <= value <= most, field, f"{least} to {most} is allowed, got {value}")
    return value


def bit_rate(found: Violations, field: str, value: int, chosen: AudioFormat) -> int | None:
    """The bit rate that was asked for; None: none."""
    if not value:
        return None
    least, most = _BIT_RATES
    if found.require(chosen.is_lossy, field, f"{chosen.value} has no bit rate to choose; leave it unset"):
        found.require(least <= value <= most, field, f"{least} to {most} is allowed, got {value}")
    return value
