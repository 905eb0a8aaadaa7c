"""How each server is asked to speak, and what is heard of it and when."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

import httpx

from mayfly_client import AsyncClient, AudioChunk

T = TypeVar("T")

_WAV_HEADER = 44
_SAMPLE = 2
_TIMEOUT = 600.0


@dataclass(frozen=True, slots=True)
class Heard:
    """One text that was spoken."""

    first: float
    """Until the first sound came. Unit: seconds."""
    took: float
    """Until the last one came. Unit: seconds."""
    audio: float
    """What was heard. Unit: seconds."""


Caller: TypeAlias = Callable[[str, int], Awaitable[Heard]]
"""Has a text spoken; the number is the sample rate of the voice."""


class _Clients(dict[asyncio.AbstractEventLoop, T]):
    """One for each event loop: making one costs more than a sentence."""

    def __init__(self, make: Callable[[], T]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, loop: asyncio.AbstractEventLoop) -> T:
        self[loop] = client = self._make()
        return client


def mayfly(address: str) -> Caller:
    """StreamSynthesize; nothing is stored, as nobody else stores anything."""
    client_of = _Clients(lambda: AsyncClient(synth=address, timeout=_TIMEOUT))

    async def say(text: str, rate: int) -> Heard:
        client = client_of[asyncio.get_running_loop()]
        begun, first, size = time.perf_counter(), 0.0, 0
        async for item in client.stream_speech(text, discard=True, format="pcm", sentence_silence=0):
            if isinstance(item, AudioChunk):
                first = first or time.perf_counter() - begun
                size += len(item.data)
        return Heard(first, time.perf_counter() - begun, size / _SAMPLE / rate)

    return say


def http_piper(url: str) -> Caller:
    """POST /synthesize; the answer is a WAV file."""
    client_of = _Clients(lambda: httpx.AsyncClient(timeout=_TIMEOUT))

    async def say(text: str, rate: int) -> Heard:
        client = client_of[asyncio.get_running_loop()]
        begun, first, size = time.perf_counter(), 0.0, 0
        async with client.stream("POST", url, json={"text": text}) as answer:
            answer.raise_for_status()
            async for piece in answer.aiter_raw():
                size += len(piece)
                if size > _WAV_HEADER:
                    first = first or time.perf_counter() - begun
        return Heard(first, time.perf_counter() - begun, (size - _WAV_HEADER) / _SAMPLE / rate)

    return say


def wyoming(host: str, port: int) -> Caller:
    """A `synthesize` event; each event is a line of JSON, then data, then a payload, of the lengths that it tells."""

    async def say(text: str, rate: int) -> Heard:
        begun, first, size = time.perf_counter(), 0.0, 0
        reader, writer = await asyncio.open_connection(host, port)
        try:
            data = json.dumps({"text": text}).encode()
            writer.write(json.dumps({"type": "synthesize", "data_length": len(data)}).encode() + b"\n" + data)
            await writer.drain()
            async with asyncio.timeout(_TIMEOUT):
                while (event := json.loads(await reader.readline()))["type"] != "audio-stop":
                    await reader.readexactly(event.get("data_length") or 0)
                    length = event.get("payload_length") or 0
                    size += len(await reader.readexactly(length))
                    if event["type"] == "error":
                        raise RuntimeError(f"wyoming-piper answered an error: {event}")
                    first = first or (time.perf_counter() - begun if length else 0.0)
        finally:
            writer.close()
        return Heard(first, time.perf_counter() - begun, size / _SAMPLE / rate)

    return say
