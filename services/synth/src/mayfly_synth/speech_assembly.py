"""What speaking is made of; called by `app.py` alone."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Final, Protocol

from mayfly_runtime.offload import Offload
from mayfly_synth.adapters.speech_gauges import SpeechGauges
from mayfly_synth.cores import processors
from mayfly_synth.domain.voices import VoiceCatalog
from mayfly_synth.engines.piper import PiperEngine
from mayfly_synth.engines.places import Places
from mayfly_synth.engines.slots import SpeechSlots
from mayfly_synth.engines.turns import Turns
from mayfly_synth.engines.voice_cache import VoiceCache
from mayfly_synth.engines.voice_folder import VoiceFolder, default_voice
from mayfly_synth.usecases.rendered import RenderedSpeech
from mayfly_synth.usecases.speaking import Speaking

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from opentelemetry.metrics import Meter

    from mayfly_synth.config import SynthSettings
    from mayfly_synth.domain.ports import Encoder, SpeechEngine
    from mayfly_synth.engines.voice_folder import OpenedFolder

    VoiceOpener = Callable[[VoiceFolder], OpenedFolder]

_log = logging.getLogger("mayfly.synth")
_FORGET_SECONDS: Final = 10.0


class Memory(Protocol):
    """Remembers for a while what guests said."""

    def forget_old(self) -> None:
        """Forget what is too old."""


@asynccontextmanager
async def forgetting(*memories: Memory, seconds: float = _FORGET_SECONDS) -> AsyncIterator[None]:
    """Have what is too old forgotten within seconds, although nobody asks for anything."""

    async def forget() -> None:
        while True:
            await asyncio.sleep(seconds)
            for memory in memories:
                memory.forget_old()

    task = asyncio.create_task(forget())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def open_speaking(
    settings: SynthSettings, encoder: Encoder, meter: Meter, *, open_voices: VoiceOpener = VoiceFolder.open
) -> AsyncIterator[Speaking]:
    """Every voice checked and warm, and what speaks with them."""
    workers = settings.worker_count()
    # Turns are fewer than this queue: it holds the runs that are being stopped, and the texts that are only pronounced.
    speech = Offload(name="speech", workers=workers, queue=settings.max_concurrent_rpcs + workers)
    loading = Offload(name="voices", workers=1, queue=settings.max_concurrent_rpcs)
    places = Places.for_workers(workers, processors=processors() if settings.pin_workers else ())
    folder = _folder(settings, places)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(speech.shutdown)
        stack.push_async_callback(loading.shutdown)
        opened = await loading(open_voices, folder)
        default = default_voice(opened.voices, asked=settings.default_voice)
        _log.info("voices_loaded", extra={"voices": len(opened.voices), "default": default})
        cache = VoiceCache(
            opened.loaded,
            load=lambda name: loading(folder.load, name),
            max_bytes=settings.voice_memory_bytes,
            pinned=folder.pinned | {default},
        )
        turns = Turns(workers=workers)
        admission = SpeechSlots(
            max_queued_characters=settings.max_queued_characters, retry_after=settings.busy_retry_after
        )
        gauges = SpeechGauges(meter)
        _watch(gauges, turns, admission, cache)
        engine = PiperEngine(cache, turns=turns, offload=speech, places=places)
        yield Speaking(
            voices=VoiceCatalog(opened.voices, default=default),
            limits=settings.limits(),
            admission=admission,
            engine=await stack.enter_async_context(_remembering(engine, settings, gauges)),
            encoder=encoder,
        )


def _watch(gauges: SpeechGauges, turns: Turns, admission: SpeechSlots, cache: VoiceCache) -> None:
    gauges.watch(
        "queued", lambda: admission.queued, unit="{character}", description="Characters that are spoken or wait to be"
    )
    gauges.watch("workers", lambda: turns.speaking, unit="{worker}", description="Workers that speak")
    gauges.watch("voices.size", lambda: cache.size_bytes, unit="By", description="Models of voices in memory")


def _folder(settings: SynthSettings, places: Places) -> VoiceFolder:
    return VoiceFolder(
        path=settings.voices_dir,
        lone_threads=settings.lone_thread_count(),
        places=places,
        max_bytes=settings.voice_memory_bytes,
        pinned=frozenset(name for part in settings.pinned_voices.split(",") if (name := part.strip())),
    )


@asynccontextmanager
async def _remembering(
    engine: SpeechEngine, settings: SynthSettings, gauges: SpeechGauges
) -> AsyncIterator[SpeechEngine]:
    if not settings.rendered_cache_bytes:
        yield engine
        return
    rendered = RenderedSpeech(
        engine,
        max_bytes=settings.rendered_cache_bytes,
        lifetime=settings.rendered_cache_lifetime,
        monotonic=time.monotonic,
        note=gauges.answered,
    )
    gauges.watch("rendered.size", lambda: rendered.bytes, unit="By", description="Sound that is remembered")
    async with forgetting(rendered):
        yield rendered
