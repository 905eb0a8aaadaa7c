"""Arguments for processing what somebody sent: pure functions, as in arguments.py.

What may be read is one stream of sound in one container, through one protocol, by decoders of that container's usual
codecs. Playlists, manifests and references to other files have no way in: their demuxers are not allowed, and neither
are the protocols that would fetch what they name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from mayfly_synth.domain.formats import AudioFormat
from mayfly_synth.domain.processing import Container
from mayfly_synth.engines import arguments
from mayfly_synth.engines.containers import DEMUXERS
from mayfly_synth.engines.flac import SHORTEST

if TYPE_CHECKING:
    from datetime import timedelta

    from mayfly_synth.domain.formats import Loudness
    from mayfly_synth.domain.processing import ProcessingLimits, Steps

PIPE: Final = "pipe:0"
"""Standard input, read once from its start to its end."""

_SILENCE_LEVEL: Final = "-45dB"
"""What is below is silence: under quiet speech, above the noise of a room."""
_SHORTEST_SILENCE: Final = 0.2
_KEPT_SILENCE: Final = 0.1
"""Seconds of silence that stay at each end, so that no word begins too abruptly."""
_MONO_ONLY: Final = (AudioFormat.PCM, AudioFormat.MULAW, AudioFormat.ALAW)
# Where phones write down where they were; and in which language, as ISO 639-2 has it in both of its ways.
_LANGUAGES: Final = (
    "afr alb amh ara arm aze baq bel ben bos bul bur cat ces chi cym cze dan deu dut ell eng est eus fas fil fin fra "
    "fre geo ger gle glg gre guj hau heb hin hrv hun hye ibo ice ind isl ita jpn kan kat kaz khm kor lao lat lav lit "
    "mac mal mao mar may mis mkd mlt mon mri msa mul mya nep nld nno nob nor pan per pol por ron rum rus sin slk slo "
    "slv som spa sqi srp swa swe tam tel tgl tha tib tur ukr und urd uzb vie wel xho yor yue zho zlm zul"
)
_PLACES: Final = (
    "location",
    *(f"location-{language}" for language in _LANGUAGES.split()),
    "xyz",
    "recording_location",
    "com.apple.quicktime.location.ISO6709",
    "com.apple.quicktime.location.name",
    "com.apple.quicktime.location.body",
    "com.apple.quicktime.location.note",
    "com.apple.quicktime.location.role",
    "com.apple.quicktime.location.date",
    "com.apple.quicktime.location.facing",
    "com.apple.quicktime.location.accuracy.horizontal",
)
_LOSSLESS: Final = (Container.WAV, Container.FLAC, Container.AIFF, Container.CAF)
_PACKETS_AHEAD: Final = 512
# Nobody listens before the end: in large pieces, each packet need not wake us up.
_WHOLE: Final = {"flush_packets": 0}
_FLAC_BLOCK: Final = 4_096
_TIMES_FROM_SAMPLES: Final = "asetpts=N/SR/TB"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What the first pass found out."""

    sample_rate: int
    """Of the input. Unit: hertz."""
    duration: float
    """Of the input, as far as it was heard. Unit: seconds."""
    keep_from: float = 0.0
    """Where the sound begins, from `Steps.start` on. Unit: seconds."""
    keep_to: float | None = None
    """Where it ends; None: at its end."""
    loudness: Loudness | None = None


def source(container: Container, *, where: str) -> dict[str, Any]:
    """The input is a file of this kind.

    Args:
        container: What it is.
        where: What the program calls its standard input: `PIPE`, or a name under which it can seek in it.
    """
    demuxer = DEMUXERS[container]
    given = {
        "filename": where,
        "format": demuxer.name,
        "protocol_whitelist": where.partition(":")[0],
        "format_whitelist": demuxer.name,
        "codec_whitelist": demuxer.codecs,
        "threads": 1,
        # Where the rate or the channels change, it would begin with new filters, and lose what the old ones hold.
        "reinit_filter": 0,
        # It reads ahead in a thread of its own, so that it need not wait while we wait for a core.
        "thread_queue_size": _PACKETS_AHEAD,
    }
    # Off by default, and said all the same: a track may say that its samples are in another file.
    return {**given, "enable_drefs": 0, "use_absolute_path": 0} if container is Container.M4A else given


def measuring(
    container: Container,
    steps: Steps,
    limits: ProcessingLimits,
    *,
    where: str,
    mark: str,
    kept: Measured | None = None,
) -> list[str]:
    """A pass that hears everything, or all that is kept, and writes nothing.

    Silence at the ends counts for the loudness, too, so that is measured of what is kept. The names of the filters
    that are listened to end in `mark`; see reports.py.
    """
    filters = _begin(steps, limits, mark=mark)
    if steps.trim_silence and kept is None:
        filters.append(_silence_told(mark))
    else:
        filters += [*(_trim(kept) if kept else []), arguments.measure()]
    return arguments.compile_arguments(
        source(container, where=where), filters, arguments.nothing(), talks=True, progress=True
    )


def rendering(
    container: Container,
    steps: Steps,
    limits: ProcessingLimits,
    *,
    where: str,
    mark: str,
    measured: Measured | None,
) -> list[str]:
    """The pass that writes the result. The names of the filters that are listened to end in `mark`."""
    filters = _begin(steps, limits, mark=mark)
    rate = steps.sample_rate
    if measured is not None:
        filters += _trim(measured)
        rate = rate or steps.format.nearest_rate(measured.sample_rate)
        if steps.loudness_lufs is not None and measured.loudness is not None:
            filters += arguments.loudness_filters(measured.loudness, steps.loudness_lufs, sample_rate=rate, whole=True)
    if steps.trims_last:
        filters.append(_silence_told(mark))
    filters += _rate(steps.format, rate)
    if steps.loudness_lufs is not None:
        filters.append(arguments.measure())
    filters.append(arguments.tally(f"out{mark}"))
    if steps.format is AudioFormat.FLAC:
        # ffmpeg 7 and later makes each block as long as the first frame that comes, which may be of any length.
        filters += [f"apad=whole_len={SHORTEST}", f"asetnsamples=n={_FLAC_BLOCK}:p=0"]
    bit_rate = steps.format.bit_rate(steps.bit_rate, channels=1 if steps.mono else 2) if steps.format.is_lossy else None
    target = arguments.output(steps.format, sample_rate=rate, bit_rate=bit_rate, **_tags(container), **_WHOLE)
    if steps.format is AudioFormat.WAV:
        target["format"] = "wav"
    if steps.format is AudioFormat.MP3:
        target["id3v2_version"] = 3
    if steps.format is AudioFormat.FLAC and container not in _LOSSLESS:
        # Decoders of lossy formats answer 24 bits and more, of which the last are noise that costs its place.
        target["sample_fmt"] = "s16"
    return arguments.compile_arguments(source(container, where=where), filters, target, talks=True, progress=True)


def kept_between(leading: float, trailing: float | None, duration: float) -> tuple[float, float | None]:
    """What is kept of a sound with silence at its ends: from, to (None: its end).

    Args:
        leading: Where the first silence ends; 0: it begins with sound.
        trailing: Where the last silence begins; None: it ends with sound.
        duration: Its length.
    """
    start = max(leading - _KEPT_SILENCE, 0.0)
    end = None if trailing is None else trailing + _KEPT_SILENCE
    return start, None if end is None or end >= duration else end


def _begin(steps: Steps, limits: ProcessingLimits, *, mark: str) -> list[str]:
    """What is asked for of the input. Times are counted, not believed; and no more is heard than what is too long."""
    longest = limits.max_duration.total_seconds() + 1
    bounds = [_TIMES_FROM_SAMPLES, f"atrim=end={longest:.3f}"]
    return [*bounds, arguments.tally(f"in{mark}"), *_cut(steps.start, steps.end), _layout(steps)]


def _silence_told(mark: str) -> str:
    return f"silencedetect@ends{mark}=noise={_SILENCE_LEVEL}:d={_SHORTEST_SILENCE}"


def _cut(start: timedelta, end: timedelta | None) -> list[str]:
    bounds = [f"start={start.total_seconds():.6f}"] if start else []
    bounds += [f"end={end.total_seconds():.6f}"] if end is not None else []
    return [f"atrim={':'.join(bounds)}", _TIMES_FROM_SAMPLES] if bounds else []


def _trim(measured: Measured) -> list[str]:
    bounds = [f"start={measured.keep_from:.6f}"] if measured.keep_from else []
    bounds += [f"end={measured.keep_to:.6f}"] if measured.keep_to is not None else []
    return [f"atrim={':'.join(bounds)}", _TIMES_FROM_SAMPLES] if bounds else []


def _layout(steps: Steps) -> str:
    """Without a header nobody could tell how many channels there are, so there is one."""
    layouts = "mono" if steps.mono or steps.format in _MONO_ONLY else "mono|stereo"
    return f"aformat=channel_layouts={layouts}"


def _rate(audio_format: AudioFormat, rate: int | None) -> list[str]:
    if rate:
        return [f"aresample={rate}"]
    if audio_format.sample_rates:
        return [f"aformat=sample_rates={'|'.join(str(each) for each in audio_format.sample_rates)}"]
    return []


def _tags(container: Container) -> dict[str, Any]:
    """The source's own tags stay, the mark of generated speech among them; where it was recorded does not.

    Ogg has its tags at the stream, everything else at the file. Nothing else of a stream is told on.
    """
    return {
        "map_metadata": "0:s:a:0" if container is Container.OGG else "0",
        "map_metadata:s:a": "-1",
        "map_chapters": "-1",
        "metadata": [f"{place}=" for place in _PLACES],
    }
