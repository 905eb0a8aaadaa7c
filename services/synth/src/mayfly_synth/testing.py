"""For tests: a sink in memory, and the real server over it on a free port."""

from __future__ import annotations

import functools
import hashlib
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import grpc.aio

from mayfly_runtime.telemetry import Telemetry
from mayfly_synth import app
from mayfly_synth.assembly import Stored
from mayfly_synth.config import SynthSettings
from mayfly_synth.domain.errors import QuotaExceededError, RequestIdReusedError
from mayfly_synth.domain.processing_errors import InputTooLargeError, SourceNotFoundError
from mayfly_synth.domain.speech import StoredAudio
from mayfly_synth.engines.piper import PiperEngine
from mayfly_synth.engines.turns import Turns
from mayfly_synth.engines.voice_cache import VoiceCache
from mayfly_synth.engines.voice_folder import VoiceFolder

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
    from pathlib import Path

    from mayfly_runtime.offload import Offload
    from mayfly_synth.domain.ports import AudioSink
    from mayfly_synth.domain.speech import Destination, RequestKey, Speech
    from mayfly_synth.engines.places import Places
    from mayfly_synth.engines.voice_folder import LoadedVoice

# Loading takes longer than most tests, and voices do not change while they are spoken with.
_open_once = functools.cache(VoiceFolder.open)
_NOW = datetime(2025, 12, 8, 12, 0, tzinfo=UTC)


@dataclass(slots=True)
class Kept:
    """One audio that a `MemorySink` holds."""

    speech: Speech
    destination: Destination
    stored: StoredAudio


@dataclass(slots=True)
class MemorySink:
    """An `AudioSink` that keeps its promises, and its audio in a dict."""

    kept: dict[RequestKey, Kept] = field(default_factory=dict)
    fail: Exception | None = None
    """Raised by the next `store`, once."""
    counted: list[tuple[int, int]] = field(default_factory=list)
    """Characters and bytes of each `reserve` that had a subject."""
    uploads_counted: int = 0
    """Uploads that those were to pay for."""
    reservations: list[str] = field(default_factory=list)
    """What each `store` was given."""
    characters_left: int | None = None
    """How many characters a subject may still have counted; None: any number."""

    async def reserve(
        self,
        key: RequestKey,
        destination: Destination,
        *,
        characters: int,
        size_bytes: int,
        part: int = 0,
        is_kept: bool = True,
    ) -> str:
        """Count work for a subject."""
        if not (destination.user_id or destination.guest_address):
            return ""
        if self.characters_left is not None:
            if characters > self.characters_left:
                raise quota_exceeded()
            self.characters_left -= characters
        self.counted.append((characters, size_bytes))
        self.uploads_counted += is_kept and not part
        return f"{key.request_id}/{part}"

    async def store(
        self,
        speech: Speech,
        *,
        key: RequestKey,
        destination: Destination,
        reservation: str = "",
        together: Callable[[], Awaitable[None]] | None = None,
    ) -> StoredAudio:
        """Keep a file, once for each key."""
        if together is not None:
            await together()
        self.reservations.append(reservation)
        if failure := self.fail:
            self.fail = None
            raise failure
        before = self.kept.get(key)
        if before is None:
            before = self.kept[key] = Kept(speech, destination, _stored(speech, key, destination))
        if (before.speech.data, before.destination) != (speech.data, destination):
            raise RequestIdReusedError(key.request_id)
        return before.stored


@dataclass(slots=True)
class MemoryStored:
    """What storage keeps besides results, in memory: an `AudioSource` and `DebugCopies`."""

    audio: dict[str, bytes] = field(default_factory=dict)
    copies: dict[str, tuple[bytes, dict[str, str]]] = field(default_factory=dict)
    """By their names; with what was told about them."""

    def as_stored(self) -> Stored:
        """For `serve_synth`."""
        return Stored(self, self)

    async def open(self, name: str, *, max_bytes: int) -> AsyncGenerator[bytes, None]:
        """The bytes of an audio."""
        if name not in self.audio:
            raise SourceNotFoundError(name)
        if len(self.audio[name]) > max_bytes:
            raise InputTooLargeError(size_bytes=len(self.audio[name]), max_size_bytes=max_bytes)
        for start in range(0, len(self.audio[name]), 65_536):
            yield self.audio[name][start : start + 65_536]

    async def keep(
        self, kind: str, data: bytes, *, content_type: str, key: RequestKey, subject: str, error: str
    ) -> str | None:
        """Keep one copy."""
        name = f"audio/2025-12-08/{kind}-{key.request_id}"
        self.copies[name] = data, {"content_type": content_type, "subject": subject, "error": error}
        return name


def load_voices(path: Path) -> Sequence[LoadedVoice]:
    """All voices of a folder, loaded anew; see `VoiceFolder.open`."""
    return VoiceFolder(path=path).open().loaded


def piper_engine(
    voices: Sequence[LoadedVoice], offload: Offload, *, workers: int = 2, places: Places | None = None
) -> PiperEngine:
    """An engine over voices that are loaded."""

    async def load(name: str) -> LoadedVoice:
        raise KeyError(name)

    turns = Turns(workers=workers)
    return PiperEngine(VoiceCache(voices, load=load), turns=turns, offload=offload, places=places)


def quota_exceeded() -> QuotaExceededError:
    """What storage says to a subject without room."""
    return QuotaExceededError(
        "The quota characters_per_day is 100, 100 is used, and this request would exceed it.",
        quota="characters_per_day",
        limit="100",
        used="100",
        reset_time="2025-12-09T00:00:00Z",
        retry_after=timedelta(hours=12),
    )


@asynccontextmanager
async def serve_synth(
    voices_dir: Path, sink: AudioSink | None = None, *, stored: Stored | None = None, **settings: Any
) -> AsyncIterator[grpc.aio.Channel]:
    """Serve synth on a free loopback port and give a channel to it; everything is closed at the end.

    Args:
        voices_dir: Folder of voices. Loaded once in a process, however often it is served.
        sink: Where speech is kept. Default: a `MemorySink`.
        stored: What storage keeps besides. Default: nothing.
        settings: Fields of `SynthSettings` that differ from their defaults.
    """
    chosen = SynthSettings.load(listen="127.0.0.1:0", drain=timedelta(seconds=1), voices_dir=voices_dir, **settings)
    async with (
        app.serve(
            chosen,
            sink or MemorySink(),
            Telemetry.disabled(),
            stored=stored or MemoryStored().as_stored(),
            open_voices=_open_once,
        ) as server,
        grpc.aio.insecure_channel(server.address) as channel,
    ):
        yield channel


def _stored(speech: Speech, key: RequestKey, destination: Destination) -> StoredAudio:
    collection = destination.collection or "temp-audio"
    part = "" if key.part is None else f"/segment_{key.part:03}"
    return StoredAudio(
        name=f"audio/{_NOW:%Y-%m-%d}/{key.request_id}{part}",
        collection=collection,
        object_key=f"{collection}/{_NOW:%Y-%m-%d}/{key.request_id}{part}.{speech.format.extension}",
        content_type=speech.format.content_type,
        size_bytes=len(speech.data),
        sha256=hashlib.sha256(speech.data).digest(),
        duration=speech.duration,
        create_time=_NOW,
        expire_time=_NOW + (destination.ttl or timedelta(days=1)),
        url=f"http://127.0.0.1/{key.request_id}?sig=made-up",
        url_expire_time=_NOW + (destination.url_ttl or timedelta(hours=1)),
        local=True,
    )
