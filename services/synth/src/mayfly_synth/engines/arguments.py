"""Arguments for ffmpeg: pure functions, so that what the program may do can be read in one place.

Every input is forced to be read as one format, through one protocol, with decoders of sound alone; nothing of an input
is copied to an output but one stream of audio.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import ffmpeg

from mayfly_synth.domain.formats import LOUDEST_PEAK, AudioFormat

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mayfly_synth.domain.formats import Loudness

_QUIET: Final = ("-hide_banner", "-nostdin", "-loglevel", "error")
# Our own filters report at this level.
_TALKING: Final = ("-hide_banner", "-nostdin", "-nostats", "-loglevel", "info")
_PROGRESS: Final = ("-progress", "pipe:2", "-stats_period", "0.2")

_MUXERS: Final[Mapping[AudioFormat, tuple[str, str]]] = {
    # WAV's header is ours, as ffmpeg cannot go back in a pipe to write the length.
    AudioFormat.WAV: ("s16le", "pcm_s16le"),
    AudioFormat.PCM: ("s16le", "pcm_s16le"),
    AudioFormat.MP3: ("mp3", "libmp3lame"),
    AudioFormat.OPUS: ("ogg", "libopus"),
    AudioFormat.AAC: ("mp4", "aac"),
    AudioFormat.FLAC: ("flac", "flac"),
    AudioFormat.MULAW: ("mulaw", "pcm_mulaw"),
    AudioFormat.ALAW: ("alaw", "pcm_alaw"),
}
_OWN_OPTIONS: Final[Mapping[AudioFormat, Mapping[str, Any]]] = {
    # Our own frame tells the length, and our own tag the mark; see mp3.py.
    AudioFormat.MP3: {"write_xing": 0, "id3v2_version": 0},
    # Pages of a fifth of a second: what was spoken leaves, and a page costs 30 bytes.
    AudioFormat.OPUS: {"page_duration": 200_000},
    # In fragments, as the index of a whole file can only be written by going back. `delay_moov` makes the edit list
    # that hides the encoder's delay; without it everything would be heard 64 ms late.
    AudioFormat.AAC: {"movflags": "+delay_moov+default_base_moof+skip_trailer", "frag_duration": 250_000},
}

_STRETCH: Final = 65_536
COUNT: Final = "measure_overall=Number_of_samples:measure_perchannel=none"
# Digital peaks lie lower than those of the wave that they stand for: the limiter looks at four times the samples.
_OVERSAMPLING: Final = 4
_LIMITED_RATE: Final = 192_000


def pcm_input(sample_rate: int) -> dict[str, Any]:
    """The input is raw samples of one channel."""
    return {
        "filename": "pipe:0",
        "format": "s16le",
        "ar": sample_rate,
        "ac": 1,
        "protocol_whitelist": "pipe",
        "format_whitelist": "s16le",
        # Nothing is to be found out about raw samples, and waiting for more of them would delay the first sound.
        "probesize": 32,
        "analyzeduration": 0,
    }


def output(audio_format: AudioFormat, *, sample_rate: int | None, bit_rate: int | None, **more: Any) -> dict[str, Any]:
    """The output is a file in a format, and the same one for the same samples.

    Args:
        audio_format: Which.
        sample_rate: None: that of the input, or the nearest that the encoder takes.
        bit_rate: Of lossy formats.
        more: Further options, by ffmpeg's names.
    """
    muxer, codec = _MUXERS[audio_format]
    options: dict[str, Any] = {
        "filename": "pipe:1",
        "format": muxer,
        "acodec": codec,
        "threads": 1,
        "flush_packets": 1,
        "fflags": "+bitexact",
        "flags": "+bitexact",
        **_OWN_OPTIONS.get(audio_format, {}),
        **more,
    }
    if sample_rate:
        options["ar"] = sample_rate
    if bit_rate:
        options["audio_bitrate"] = bit_rate
    return options


def nothing() -> dict[str, Any]:
    """There is no output: only what the filters say matters."""
    return {"filename": "-", "format": "null"}


def compile_arguments(
    source: Mapping[str, Any], filters: Sequence[str], target: Mapping[str, Any], *, talks: bool, progress: bool = False
) -> list[str]:
    """One input, filters one after the other, one output.

    Args:
        source: Options of the input.
        filters: As ffmpeg writes them.
        target: Options of the output.
        talks: Whether the filters are to be heard.
        progress: Whether it tells how far it is, too.
    """
    options = {**target, **({"af": ",".join(filters)} if filters else {})}
    filename, tags = options.pop("filename"), options.pop("metadata", ())
    spec = ffmpeg.output(ffmpeg.input(**source)["a:0"], filename, **options)
    # The first item is the program's name, which is decided elsewhere.
    arguments: list[str] = ffmpeg.compile(
        spec.global_args(*(_TALKING if talks else _QUIET), *(_PROGRESS if progress else ()))
    )[1:]
    # ffmpeg-python has one value for each option, and there may be many tags.
    at = arguments.index(filename, arguments.index("-map"))
    return [*arguments[:at], *(part for tag in tags for part in ("-metadata", tag)), *arguments[at:]]


def loudness_filters(measured: Loudness, target: float, *, sample_rate: int | None, whole: bool) -> list[str]:
    """One gain for the whole sound, and a limiter if its peaks would need one.

    Args:
        measured: Of the whole sound, or of its beginning.
        target: Unit: LUFS.
        sample_rate: Of the output; None: whatever it is, after the filters.
        whole: Whether all peaks are known, so that a limiter may be left out.
    """
    gain = measured.gain_to(target)
    filters = [f"volume={gain:.2f}dB:precision=float"]
    if not (whole and measured.stays_below(LOUDEST_PEAK, gain=gain)):
        # A little below the ceiling: the encoder's own errors need room, and so does the way back to fewer samples.
        limit = 10 ** ((LOUDEST_PEAK - 0.3) / 20)
        fast = max((sample_rate or 0) * _OVERSAMPLING, _LIMITED_RATE)
        filters += [f"aresample={fast}", f"alimiter=limit={limit:.4f}:level=0:latency=1:attack=5:release=50"]
    return filters


def measure() -> str:
    """The filter that measures loudness by EBU R128, and lets the sound through."""
    # What it says of each moment is below the level that is listened to. `quiet` would say none of it, and is unknown
    # to ffmpeg 5.1, which Debian 12 has.
    return "ebur128=peak=true:framelog=verbose"


def count(where: str) -> str:
    """The filter that counts samples. `where` is `in` or `out`."""
    return f"astats@{where}={COUNT}"


def tally(where: str) -> str:
    """The filter that tells samples as they pass, a stretch of them at a time. `where` is `in` or `out`, and a mark.

    It costs next to nothing, where `count` costs a third of encoding MP3; but it holds a stretch back, and so is for
    whole files.
    """
    return f"asetnsamples=n={_STRETCH}:p=0,ashowinfo@{where}"
