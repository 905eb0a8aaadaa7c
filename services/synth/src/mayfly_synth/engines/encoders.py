"""Files out of samples: WAV by hand, MP3 through ffmpeg.

WAV parts leave as they come. The MP3 encoder looks ahead: about a quarter of a second stays in it until more samples
come, or the end. The silence after a sentence is about as long, so what is held back is hardly ever speech.
"""

from __future__ import annotations

from contextlib import aclosing
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from mayfly_synth.domain.errors import EncoderFailedError
from mayfly_synth.domain.ports import Encoded
from mayfly_synth.domain.speech import SAMPLE_BYTES, AudioFormat
from mayfly_synth.engines import mp3, wav
from mayfly_synth.engines.ffmpeg import Ffmpeg, FfmpegError, mp3_arguments

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

# Speech of one speaker has no more to say: the voices end at 11 kHz, and higher rates sound the same.
MP3_BIT_RATE: Final = 64_000


class SpeechEncoder:
    """Writes every format that there is."""

    def __init__(self, ffmpeg: Ffmpeg) -> None:
        self._ffmpeg = ffmpeg

    def encode(
        self, pcm: AsyncIterator[bytes], audio_format: AudioFormat, *, sample_rate: int
    ) -> AsyncGenerator[Encoded, None]:
        """Encode samples; see `Encoder`."""
        if audio_format is AudioFormat.WAV:
            return _wav(pcm, sample_rate)
        return self._mp3(pcm, sample_rate)

    def seal(self, file: bytearray, audio_format: AudioFormat, *, sample_rate: int, samples: int) -> None:
        """Write the true length into the header; see `Encoder`."""
        if audio_format is AudioFormat.WAV:
            file[: wav.HEADER_BYTES] = wav.header(sample_rate=sample_rate, data_bytes=len(file) - wav.HEADER_BYTES)
            return
        # The frame of the stream's start repeats the header of the first real one, up to the padding byte.
        first = mp3.FrameHeader.parse(bytes(file[:4]))
        frames = mp3.frames_in(len(file) - first.size, first)
        file[: first.size] = mp3.info_frame(first, frames=frames, size=len(file), samples=samples)

    async def check(self) -> None:
        """Encode a moment of silence, so that a program that cannot is found at start and not by a caller.

        Raises:
            FfmpegError: If it cannot.
        """

        async def silence() -> AsyncIterator[bytes]:
            yield bytes(1600 * SAMPLE_BYTES)

        try:
            async with aclosing(self._mp3(silence(), 16_000)) as parts:
                async for _ in parts:
                    pass
        except (OSError, EncoderFailedError) as error:
            raise FfmpegError(
                f"{self._ffmpeg.path} cannot write MP3 (libmp3lame); name another program with MAYFLY_SYNTH_FFMPEG."
            ) from error

    async def _mp3(self, pcm: AsyncIterator[bytes], sample_rate: int) -> AsyncGenerator[Encoded, None]:
        arguments = mp3_arguments(sample_rate=sample_rate, bit_rate=MP3_BIT_RATE)
        frames = 0
        async with aclosing(self._ffmpeg.run(arguments, pcm)) as pieces:
            async for piece in pieces:
                if not frames:
                    yield Encoded(mp3.info_frame(mp3.FrameHeader.parse(piece)), timedelta())
                frames += len(piece)
                yield Encoded(piece, _heard(frames, sample_rate))


async def _wav(pcm: AsyncIterator[bytes], sample_rate: int) -> AsyncGenerator[Encoded, None]:
    yield Encoded(wav.header(sample_rate=sample_rate), timedelta())
    samples = 0
    async for block in pcm:
        samples += len(block) // SAMPLE_BYTES
        yield Encoded(block, timedelta(seconds=samples / sample_rate))


def _heard(frame_bytes: int, sample_rate: int) -> timedelta:
    """How much of the input can be heard with so many bytes of MP3 frames."""
    delay = (mp3.ENCODER_DELAY + mp3.DECODER_DELAY) / sample_rate
    return timedelta(seconds=max(frame_bytes * 8 / MP3_BIT_RATE - delay, 0))
