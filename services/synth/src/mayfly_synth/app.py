"""Composition root: what synth is made of. The only module that knows both sides."""

from __future__ import annotations

import logging
import time
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Final

from mayfly.synth.v1.synth_service_pb2_grpc import add_SynthServiceServicer_to_server

from mayfly_client import AsyncClient
from mayfly_runtime.deadlines import deadline_client_interceptors
from mayfly_runtime.offload import Offload
from mayfly_runtime.server import ServerBuilder, serve_until_signal
from mayfly_runtime.telemetry import Telemetry
from mayfly_synth.adapters.storage_sink import StorageSink
from mayfly_synth.domain.voices import VoiceCatalog
from mayfly_synth.engines.encoders import SpeechEncoder
from mayfly_synth.engines.ffmpeg import Ffmpeg
from mayfly_synth.engines.piper import PiperEngine
from mayfly_synth.engines.slots import SpeechSlots
from mayfly_synth.engines.voice_folder import default_voice, load_voices
from mayfly_synth.transport.errors import DOMAIN, ERROR_TABLE
from mayfly_synth.transport.synth_servicer import SynthServicer
from mayfly_synth.usecases.keeping import Keeping
from mayfly_synth.usecases.phonemize import Phonemize
from mayfly_synth.usecases.recent import RecentSpeech
from mayfly_synth.usecases.speaking import Speaking
from mayfly_synth.usecases.stream import StreamSpeech
from mayfly_synth.usecases.synthesize import Synthesize

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from mayfly_runtime.server import RunningServer
    from mayfly_synth.config import SynthSettings
    from mayfly_synth.domain.ports import AudioSink
    from mayfly_synth.engines.voice_folder import LoadedVoice

    VoiceLoader = Callable[[Path], list[LoadedVoice]]

SERVICE: Final = "mayfly.synth.v1.SynthService"
# A stream speaks one sentence ahead of what is being sent: it never waits, and is fair to the others.
_STREAM_WINDOW: Final = 2

_log = logging.getLogger("mayfly.synth")


async def run(settings: SynthSettings) -> None:
    """Serve until SIGTERM or SIGINT."""
    async with AsyncExitStack() as stack:
        telemetry = Telemetry.start(settings, "mayfly-synth")
        stack.callback(telemetry.shutdown)
        sink = await stack.enter_async_context(open_sink(settings, telemetry))
        await serve_until_signal(await stack.enter_async_context(serve(settings, sink, telemetry)))


@asynccontextmanager
async def open_sink(settings: SynthSettings, telemetry: Telemetry) -> AsyncIterator[StorageSink]:
    """The way to storage. Nothing is sent before the first speech is kept."""
    checksums = Offload(name="checksum", workers=1, queue=settings.max_concurrent_rpcs)
    client = AsyncClient(
        storage=settings.storage_target,
        token=settings.storage_token.get_secret_value() if settings.storage_token else None,
        tls=settings.tls_to_storage(),
        timeout=settings.storage_timeout.total_seconds(),
        interceptors=[*telemetry.client_interceptors(), *deadline_client_interceptors(cap=settings.storage_timeout)],
    )
    async with AsyncExitStack() as stack:
        stack.push_async_callback(checksums.shutdown)
        await stack.enter_async_context(client)
        sink = StorageSink(client, collection=settings.collection, offload=checksums)
        stack.push_async_callback(sink.close)
        yield sink


@asynccontextmanager
async def serve(
    settings: SynthSettings, sink: AudioSink, telemetry: Telemetry, *, load: VoiceLoader = load_voices
) -> AsyncIterator[RunningServer]:
    """A server with every voice loaded and warm before it takes a call; drained at the end."""
    workers, rpcs = settings.worker_count(), settings.max_concurrent_rpcs
    # Slots refuse long before this queue is full: it holds the sentences that every call may have on its way.
    speech = Offload(name="speech", workers=workers, queue=rpcs * (workers + 1))
    async with AsyncExitStack() as stack:
        stack.push_async_callback(speech.shutdown)
        loaded = await speech(load, settings.voices_dir)
        servicer = await _servicer(settings, loaded, sink=sink, speech=speech)
        options, callers = settings.server_options(settings.listen), settings.callers()
        builder = ServerBuilder(options, domain=DOMAIN, errors=ERROR_TABLE, callers=callers, telemetry=telemetry)
        server = await builder.add(add_SynthServiceServicer_to_server, servicer, service=SERVICE).start()
        stack.push_async_callback(server.drain)
        yield server


async def _servicer(
    settings: SynthSettings, loaded: list[LoadedVoice], *, sink: AudioSink, speech: Offload
) -> SynthServicer:
    voices = VoiceCatalog((one.voice for one in loaded), default=default_voice(loaded, asked=settings.default_voice))
    _log.info("voices_loaded", extra={"voices": len(loaded), "default": voices.default.name})
    encoder = SpeechEncoder(Ffmpeg.find(settings.ffmpeg))
    await encoder.check()
    speaking = Speaking(
        voices=voices,
        limits=settings.limits(),
        admission=SpeechSlots(
            max_queued_characters=settings.max_queued_characters, retry_after=settings.busy_retry_after
        ),
        engine=PiperEngine({one.voice.name: one.piper for one in loaded}, offload=speech),
        encoder=encoder,
    )
    recent = RecentSpeech(
        max_bytes=settings.retry_memory_bytes, lifetime=settings.retry_memory_lifetime, monotonic=time.monotonic
    )
    keeping = Keeping(recent=recent, sink=sink)
    # One sentence more than there are workers, so that none of them waits while a finished one is encoded.
    window = settings.worker_count() + 1
    return SynthServicer(
        voices=voices,
        phonemize=Phonemize(voices=voices, limits=speaking.limits, engine=speaking.engine),
        synthesize=Synthesize(speaking=speaking, keeping=keeping, window=window, monotonic=time.monotonic),
        stream=StreamSpeech(speaking=speaking, keeping=keeping, window=_STREAM_WINDOW, monotonic=time.monotonic),
    )
