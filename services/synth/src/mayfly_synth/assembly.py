"""What processing is made of; called by `app.py` alone."""

from __future__ import annotations

import secrets
import time
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from mayfly_runtime.offload import Offload
from mayfly_synth.adapters.debug_copies import StorageDebugCopies
from mayfly_synth.adapters.journal import ProcessingJournal, Pseudonyms
from mayfly_synth.adapters.storage_source import StorageSource
from mayfly_synth.adapters.transcriber import OpenAiTranscriber
from mayfly_synth.engines.containers import kind_of
from mayfly_synth.engines.ffmpeg import Ffmpeg, Limits
from mayfly_synth.engines.processing import FfmpegProcessor
from mayfly_synth.engines.processing_slots import ProcessingSlots
from mayfly_synth.engines.scratch import Scratch
from mayfly_synth.engines.sphinx import SphinxTranscriber
from mayfly_synth.usecases.copying import Copying, Keep
from mayfly_synth.usecases.process import ProcessAudio

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from mayfly_client import AsyncClient
    from mayfly_runtime.telemetry import Telemetry
    from mayfly_synth.config import SynthSettings
    from mayfly_synth.domain.ports import AudioSink
    from mayfly_synth.domain.processing_ports import AudioSource, DebugCopies, Transcriber

_RETRY_AFTER: Final = timedelta(seconds=2)
_DISK_WRITERS: Final = 2
_LISTENING_SECONDS: Final = 600
"""Processor time of PocketSphinx, enough for an hour and a half of speech."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What storage is to processing, besides the place where results are kept."""

    source: AudioSource
    copies: DebugCopies

    @classmethod
    def through(cls, client: AsyncClient) -> Stored:
        """Storage itself."""
        return cls(StorageSource(client), StorageDebugCopies(client, kind_of=kind_of))


@asynccontextmanager
async def open_processing(
    settings: SynthSettings, sink: AudioSink, stored: Stored, telemetry: Telemetry
) -> AsyncIterator[ProcessAudio]:
    """The use case with everything that it needs; what an earlier process left behind is swept before."""
    journal = ProcessingJournal(telemetry.meter)
    limits = settings.processing_limits(max_audio_bytes=settings.max_audio_bytes)
    scratch = Scratch.in_folders(
        settings.scratch_parents(), max_bytes=limits.max_input_bytes, count_removal=journal.scratch_removed
    )
    workers = settings.processing_worker_count()
    disk = Offload(name="scratch", workers=_DISK_WRITERS, queue=workers * 2)
    bounds = Limits(memory_bytes=settings.ffmpeg_memory_bytes, cpu_seconds=_whole_seconds(settings.ffmpeg_cpu))
    ffmpeg = Ffmpeg.find(settings.ffmpeg, limits=bounds)
    slots = ProcessingSlots(running=workers, waiting=settings.processing_queue, retry_after=_RETRY_AFTER)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(disk.shutdown)
        await disk(scratch.sweep)
        processor = FfmpegProcessor(
            ffmpeg, scratch=scratch, limits=limits, offload=disk, file_input=await ffmpeg.seekable_input()
        )
        yield ProcessAudio(
            processor=processor,
            sink=sink,
            source=stored.source,
            slots=slots,
            journal=journal,
            copying=Copying(keep=Keep(settings.debug_copies), to=stored.copies),
            limits=limits,
            pseudonym=Pseudonyms(_key(settings), now=lambda: datetime.now(UTC)),
            monotonic=time.monotonic,
            transcriber=await _transcriber(settings, processor, stack),
        )


async def _transcriber(
    settings: SynthSettings, processor: FfmpegProcessor, stack: AsyncExitStack
) -> Transcriber | None:
    if settings.transcriber == "openai":
        key = settings.transcriber_key.get_secret_value() if settings.transcriber_key else None
        return await stack.enter_async_context(
            OpenAiTranscriber(url=settings.transcriber_url, model=settings.transcriber_model, key=key)
        )
    if settings.transcriber == "pocketsphinx":
        return SphinxTranscriber.installed(
            processor,
            limits=Limits(memory_bytes=settings.ffmpeg_memory_bytes, cpu_seconds=_LISTENING_SECONDS),
            slots=ProcessingSlots(
                running=settings.processing_worker_count(), waiting=settings.processing_queue, retry_after=_RETRY_AFTER
            ),
            retry_after=_RETRY_AFTER,
        )
    return None


def _key(settings: SynthSettings) -> bytes:
    key = settings.pseudonym_key
    return key.get_secret_value().encode() if key else secrets.token_bytes(32)


def _whole_seconds(length: timedelta) -> int:
    return max(1, round(length.total_seconds()))
