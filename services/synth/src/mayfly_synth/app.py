"""Composition root: what synth is made of. The only module that knows both sides."""

from __future__ import annotations

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
from mayfly_synth.assembly import Stored, open_processing
from mayfly_synth.engines.encoders import SpeechEncoder
from mayfly_synth.engines.ffmpeg import Ffmpeg
from mayfly_synth.engines.voice_folder import VoiceFolder
from mayfly_synth.speech_assembly import forgetting, open_speaking
from mayfly_synth.transport.errors import DOMAIN, ERROR_TABLE
from mayfly_synth.transport.synth_servicer import SynthServicer
from mayfly_synth.usecases.keeping import Keeping
from mayfly_synth.usecases.phonemize import Phonemize
from mayfly_synth.usecases.recent import RecentSpeech
from mayfly_synth.usecases.stream import StreamSpeech
from mayfly_synth.usecases.synthesize import Synthesize

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from mayfly_runtime.server import RunningServer
    from mayfly_synth.config import SynthSettings
    from mayfly_synth.domain.ports import AudioSink
    from mayfly_synth.speech_assembly import VoiceOpener
    from mayfly_synth.usecases.process import ProcessAudio
    from mayfly_synth.usecases.speaking import Speaking

SERVICE: Final = "mayfly.synth.v1.SynthService"


async def run(settings: SynthSettings) -> None:
    """Serve until SIGTERM or SIGINT."""
    async with AsyncExitStack() as stack:
        telemetry = Telemetry.start(settings, "mayfly-synth")
        stack.callback(telemetry.shutdown)
        sink, stored = await stack.enter_async_context(open_storage(settings, telemetry))
        await serve_until_signal(await stack.enter_async_context(serve(settings, sink, telemetry, stored=stored)))


@asynccontextmanager
async def open_storage(settings: SynthSettings, telemetry: Telemetry) -> AsyncIterator[tuple[StorageSink, Stored]]:
    """The way to storage. Nothing is sent before the first audio is kept."""
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
        yield sink, Stored.through(client)


@asynccontextmanager
async def serve(
    settings: SynthSettings,
    sink: AudioSink,
    telemetry: Telemetry,
    *,
    stored: Stored,
    open_voices: VoiceOpener = VoiceFolder.open,
) -> AsyncIterator[RunningServer]:
    """A server with every voice checked and warm before it takes a call; drained at the end."""
    async with AsyncExitStack() as stack:
        encoder = SpeechEncoder(Ffmpeg.find(settings.ffmpeg))
        await encoder.check()
        opening = open_speaking(settings, encoder, telemetry.meter, open_voices=open_voices)
        speaking = await stack.enter_async_context(opening)
        process = await stack.enter_async_context(open_processing(settings, sink, stored, telemetry))
        recent = _recent(settings)
        await stack.enter_async_context(forgetting(recent))
        servicer = _servicer(settings, speaking, keeping=Keeping(recent=recent, sink=sink), process=process)
        options, callers = settings.server_options(settings.listen), settings.callers()
        builder = ServerBuilder(options, domain=DOMAIN, errors=ERROR_TABLE, callers=callers, telemetry=telemetry)
        server = await builder.add(add_SynthServiceServicer_to_server, servicer, service=SERVICE).start()
        stack.push_async_callback(server.drain)
        yield server


def _recent(settings: SynthSettings) -> RecentSpeech:
    return RecentSpeech(
        max_bytes=settings.retry_memory_bytes, lifetime=settings.retry_memory_lifetime, monotonic=time.monotonic
    )


def _servicer(settings: SynthSettings, speaking: Speaking, *, keeping: Keeping, process: ProcessAudio) -> SynthServicer:
    # One sentence more than there are workers, so that none of them waits while a finished one is encoded.
    window = settings.worker_count() + 1
    return SynthServicer(
        voices=speaking.voices,
        phonemize=Phonemize(voices=speaking.voices, limits=speaking.limits, engine=speaking.engine),
        synthesize=Synthesize(speaking=speaking, keeping=keeping, window=window, monotonic=time.monotonic),
        stream=StreamSpeech(speaking=speaking, keeping=keeping, window=window, monotonic=time.monotonic),
        process=process,
    )
