"""Transcripts by PocketSphinx, on this machine: nothing that is said leaves it. For English that is spoken clearly.

It comes with the extra `pocketsphinx`, brings a model of its own, and listens about eight times as fast as people
speak, on one core.
"""

from __future__ import annotations

import importlib.util
import sys
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from mayfly_synth.domain.formats import AudioFormat
from mayfly_synth.domain.processing import Steps
from mayfly_synth.domain.processing_errors import ProcessingError, TranscriberFailedError
from mayfly_synth.engines.ffmpeg import PIECE_BYTES, Ffmpeg, FfmpegFailedError, Limits

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import timedelta

    from mayfly_synth.domain.processing_ports import AudioProcessor, Slots

# Read in one place, and whole: an English sentence of a second is some 20 bytes.
_MOST_BYTES: Final = 1024 * 1024
_WORKER: Final = ("-B", "-m", "mayfly_synth.engines.sphinx_worker")
_SILENCE: Final = bytes(2 * 16_000)
"""A second."""
_HEARD: Final = Steps(format=AudioFormat.PCM, sample_rate=16_000, mono=True)


class TranscriberUnavailableError(Exception):
    """The transcriber that is set is not there."""


class SphinxTranscriber:
    """A `Transcriber` that runs a process for each audio, within bounds like those of ffmpeg."""

    def __init__(self, processor: AudioProcessor, program: Ffmpeg, *, slots: Slots, retry_after: timedelta) -> None:
        """Take ready parts.

        Args:
            processor: Makes samples of what it is given.
            program: An interpreter of Python, bounded.
            slots: How many listen at a time.
            retry_after: What callers are told when it fails.
        """
        self._processor = processor
        self._program = program
        self._slots = slots
        self._retry_after = retry_after

    @classmethod
    def installed(cls, processor: AudioProcessor, *, limits: Limits, slots: Slots, retry_after: timedelta) -> Self:
        """One that runs by this process's own interpreter.

        Raises:
            TranscriberUnavailableError: If the extra is not installed.
        """
        if importlib.util.find_spec("pocketsphinx") is None:
            raise TranscriberUnavailableError(
                "MAYFLY_SYNTH_TRANSCRIBER=pocketsphinx needs the extra of that name: "
                "`pip install 'mayfly-synth[pocketsphinx]'`."
            )
        return cls(processor, Ffmpeg.find(Path(sys.executable), limits=limits), slots=slots, retry_after=retry_after)

    async def transcribe(self, data: bytes, *, content_type: str, file_name: str) -> str:  # noqa: ARG002 - told by content
        """The words of an audio; see `Transcriber`."""
        async with self._slots.admit():
            try:
                samples = await self._processor.process(_pieces(data), _HEARD)
                return await self._heard(samples.data)
            except FfmpegFailedError as error:
                raise self._failed("it ended too early.") from error
            except ProcessingError as error:
                raise self._failed(
                    "it cannot hear what was made; half an hour at a time is as much as it can."
                ) from error

    async def _heard(self, samples: bytes) -> str:
        words = bytearray()
        async with aclosing(self._program.run(_WORKER, _between_silence(samples))) as pieces:
            async for piece in pieces:
                words += piece
                if len(words) > _MOST_BYTES:
                    raise self._failed("its answer is too long.")
        return words.decode(errors="replace").strip()

    def _failed(self, why: str) -> TranscriberFailedError:
        return TranscriberFailedError(why, retry_after=self._retry_after)


async def _between_silence(samples: bytes) -> AsyncIterator[bytes]:
    """It tells speech by the silence around it."""
    yield _SILENCE
    async for piece in _pieces(samples):
        yield piece
    yield _SILENCE


async def _pieces(data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), PIECE_BYTES):
        yield data[start : start + PIECE_BYTES]
