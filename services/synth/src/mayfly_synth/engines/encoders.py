"""Files out of samples: WAV and PCM by hand, everything else through ffmpeg.

WAV parts leave as they come. Encoders look ahead: MP3's keeps about a quarter of a second until more samples come, or
the end. The silence after a sentence is about as long, so what is held back is hardly ever speech.
"""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from mayfly_synth.domain.errors import EncoderFailedError
from mayfly_synth.domain.formats import SAMPLE_BYTES, AudioFormat, Encoding, Meter
from mayfly_synth.domain.ports import Encoded
from mayfly_synth.engines import arguments, clocks, flac, leveling, mp3, mp4, tags, wav
from mayfly_synth.engines.ffmpeg import Ffmpeg, FfmpegError, own_fault
from mayfly_synth.engines.reports import Report

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Sequence

_RAW: Final = (AudioFormat.WAV, AudioFormat.PCM)
_COUNTED: Final = (AudioFormat.FLAC, AudioFormat.AAC)


class SpeechEncoder:
    """Writes every format that there is."""

    def __init__(self, ffmpeg: Ffmpeg) -> None:
        self._ffmpeg = ffmpeg

    def encode(
        self,
        pcm: AsyncIterator[bytes],
        encoding: Encoding,
        *,
        sample_rate: int,
        meter: Meter,
    ) -> AsyncGenerator[Encoded, None]:
        """Encode samples; see `Encoder`."""
        if encoding.loudness_lufs is not None:
            return self._leveled(pcm, encoding, sample_rate=sample_rate, meter=meter)
        if encoding.format in _RAW and encoding.sample_rate == sample_rate:
            return _raw(pcm, encoding)
        return self._through_ffmpeg(pcm, encoding, (), sample_rate=sample_rate, meter=meter)

    def seal(
        self,
        file: bytearray,
        encoding: Encoding,
        *,
        sample_rate: int,
        samples: int,
        meter: Meter,
    ) -> None:
        """Write the true length into the header, and the mark where it has no other place; see `Encoder`."""
        written = meter.samples if meter.samples is not None else round(samples * encoding.sample_rate / sample_rate)
        if encoding.format is AudioFormat.WAV:
            # A stream's header has no mark: many players of streams take everything after 44 bytes for sound.
            comment = tags.mark(encoding.title) if encoding.title else ""
            data = len(file) - wav.HEADER_BYTES
            header = wav.header(sample_rate=encoding.sample_rate, data_bytes=data, comment=comment)
            file[: wav.HEADER_BYTES] = header
        elif encoding.format is AudioFormat.MP3:
            _seal_mp3(file, samples=written)
        elif encoding.format is AudioFormat.FLAC:
            flac.state_length(file, samples=written)
        elif encoding.format is AudioFormat.AAC:
            mp4.state_length(file, samples=written)

    async def check(self) -> None:
        """Encode a moment of silence in each format, so that what a program cannot do is found at the start.

        Raises:
            FfmpegError: If it cannot.
        """

        async def silence() -> AsyncIterator[bytes]:
            yield bytes(1600 * SAMPLE_BYTES)

        for audio_format in AudioFormat:
            encoding = Encoding(format=audio_format, sample_rate=audio_format.nearest_rate(16_000))
            encoded = self._through_ffmpeg(silence(), encoding, (), sample_rate=16_000, meter=Meter())
            try:
                async with aclosing(encoded) as parts:
                    async for _ in parts:
                        pass
            except (OSError, EncoderFailedError) as error:
                raise FfmpegError(
                    f"{self._ffmpeg.path} cannot write {audio_format.value}; name another program with "
                    "MAYFLY_SYNTH_FFMPEG."
                ) from error

    async def _leveled(
        self, pcm: AsyncIterator[bytes], encoding: Encoding, *, sample_rate: int, meter: Meter
    ) -> AsyncGenerator[Encoded, None]:
        """Hear as much as may be heard before anything is written, and give it one gain from then on."""
        heard = await leveling.gathered(pcm, at_least=None if meter.whole else leveling.first_bytes(sample_rate))
        # Less than can be measured is everything that comes.
        times = leveling.repeats(heard, sample_rate=sample_rate)
        measured = await leveling.measured(self._ffmpeg, heard * times, sample_rate=sample_rate)
        filters = arguments.loudness_filters(
            measured, encoding.loudness_lufs or 0.0, sample_rate=encoding.sample_rate, whole=meter.whole
        )
        filters.append(f"aresample={encoding.sample_rate}")
        reached = measured
        if times > 1:
            reached = await leveling.measured(self._ffmpeg, heard * times, sample_rate=sample_rate, filters=filters)
        filters.append(arguments.measure())
        source = leveling.again(heard, pcm)
        async with (
            aclosing(source),
            aclosing(self._through_ffmpeg(source, encoding, filters, sample_rate=sample_rate, meter=meter)) as parts,
        ):
            async for part in parts:
                yield part
        if times > 1 and meter.loudness is not None:
            meter.loudness = replace(meter.loudness, integrated=reached.integrated)

    async def _through_ffmpeg(
        self, pcm: AsyncIterator[bytes], encoding: Encoding, filters: Sequence[str], *, sample_rate: int, meter: Meter
    ) -> AsyncGenerator[Encoded, None]:
        counted = encoding.format in _COUNTED and encoding.sample_rate != sample_rate
        chain = [*filters, *([f"aresample={encoding.sample_rate}", arguments.count("out")] if counted else [])]
        given = arguments.compile_arguments(
            arguments.pcm_input(sample_rate), chain, _output(encoding), talks=bool(chain)
        )
        report = Report() if chain else None
        clock, started = clocks.clock_of(encoding), False
        async with own_fault(), aclosing(self._ffmpeg.run(given, pcm, report=report)) as pieces:
            async for piece in pieces:
                if not started and (first := _first_part(encoding, piece)):
                    yield Encoded(first, timedelta())
                started = True
                clock.pass_by(piece)
                yield Encoded(piece, timedelta(seconds=clock.seconds))
        if report is not None:
            meter.loudness, meter.samples = report.loudness, report.samples.get("out")


def _output(encoding: Encoding) -> dict[str, object]:
    bit_rate = encoding.format.bit_rate(encoding.bit_rate) if encoding.format.is_lossy else None
    comment = {"metadata": [f"comment={tags.mark(encoding.title)}"]} if encoding.title else {}
    # What has more than the 16 bits of a voice after filters is noise, which FLAC would keep as faithfully.
    bits = {"sample_fmt": "s16"} if encoding.format is AudioFormat.FLAC else {}
    return arguments.output(encoding.format, sample_rate=encoding.sample_rate, bit_rate=bit_rate, **comment, **bits)


async def _raw(pcm: AsyncIterator[bytes], encoding: Encoding) -> AsyncGenerator[Encoded, None]:
    if first := _first_part(encoding, b""):
        yield Encoded(first, timedelta())
    samples = 0
    async for block in pcm:
        samples += len(block) // SAMPLE_BYTES
        yield Encoded(block, timedelta(seconds=samples / encoding.sample_rate))


def _first_part(encoding: Encoding, piece: bytes) -> bytes:
    """What stands before everything that ffmpeg writes."""
    if encoding.format is AudioFormat.WAV:
        return wav.header(sample_rate=encoding.sample_rate)
    if encoding.format is AudioFormat.MP3:
        tag = mp3.comment_tag(tags.mark(encoding.title)) if encoding.title else b""
        return tag + mp3.info_frame(mp3.FrameHeader.parse(piece))
    return b""


def _seal_mp3(file: bytearray, *, samples: int) -> None:
    """The frame of the stream's start has the place of the one that tells everything."""
    at = mp3.tag_size(bytes(file[:10]))
    if len(file) <= at:
        return
    start = at + mp3.FrameHeader.parse(bytes(file[at : at + 4])).size
    first = mp3.FrameHeader.parse(bytes(file[start : start + 4]))
    frames = mp3.frames_in(len(file) - start, first)
    file[at:start] = mp3.info_frame(first, frames=frames, size=len(file) - at, samples=samples)
