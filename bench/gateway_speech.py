"""The gateway's OpenAI door beside Piper's own HTTP server, and beside gRPC without it: the same voice and texts.

What comes out in a second at one and eight callers, and how long a caller waits for the first sound. All of them run
for the whole measurement and are asked in turn; figures are medians of the rounds.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from bench.report import Row
from bench.speech_callers import Caller, Heard
from bench.speech_load import closed, voices
from bench.speech_servers import http_server, synth_server
from bench.storage_set import running
from bench.texts import PARAGRAPHS
from tools.stack.layout import HOST, Layout, Ports
from tools.stack.programs import Backend, gateway

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bench.speech_load import Load, Voice

ROUNDS = 6
CALLERS = (1, 8)
GATEWAY, GRPC, PIPER = "gateway", "Mayfly", "piper.http_server"
_WAV_HEADER = 44
_SAMPLE = 2
_PIECE = 256 * 1024
_NO_SOUND_YET = 100
"""Bytes of a body that may be the file's header and the lengths of chunks alone."""
_JSON = "Content-Type: application/json\r\nContent-Length: "


def run() -> list[Row]:
    """Each voice with each number of callers."""
    return [row for voice in voices() for row in rows_of(voice)]


def rows_of(voice: Voice) -> list[Row]:
    """One voice."""
    with ExitStack() as stack:
        # The OpenAI API has no word for silence between sentences, and Piper's server makes none.
        synth = stack.enter_context(synth_server(voice.model, SENTENCE_SILENCE="0s"))
        piper = stack.enter_context(http_server(voice.model))
        door = stack.enter_context(gateway_server(synth.address))
        says = {GATEWAY: posting(door, _order), GRPC: synth.say, PIPER: posting(piper.address, _piper_order)}
        found = asyncio.run(_all(says, voice))
    return [row for callers, loads in found.items() for row in compared(voice, callers, loads)]


@contextmanager
def gateway_server(synth: str) -> Iterator[str]:
    """The gateway before a synth; answers the URL of its OpenAI door. Storage is not needed for it."""
    with tempfile.TemporaryDirectory() as folder:
        layout = Layout(ports=Ports.free(), data=Path(folder), run=Path(folder))
        program = gateway(layout, Backend.EMBEDDED)
        program.settings.update(MAYFLY_GATEWAY_SYNTH_TARGET=synth, MAYFLY_GATEWAY_LOG_LEVEL="WARNING")
        with running(program, layout):
            yield f"http://{HOST}:{layout.ports.gateway}/v1/audio/speech"


def posting(url: str, order: Callable[[str], dict[str, str]]) -> Caller:
    """POST a text; a WAV file comes back.

    By hand, as an HTTP library costs the caller more time than all the rest, on cores that the servers need.
    """
    parts = urlsplit(url)

    async def say(text: str, rate: int) -> Heard:
        body = json.dumps(order(text)).encode()
        head = f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n{_JSON}{len(body)}\r\n\r\n"
        begun, first = time.perf_counter(), 0.0
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        writer.write(head.encode() + body)
        answer = bytearray(await reader.readuntil(b"\r\n\r\n"))
        start = len(answer)
        while piece := await reader.read(_PIECE):
            answer += piece
            if len(answer) > start + _NO_SOUND_YET:
                first = first or time.perf_counter() - begun
        took = time.perf_counter() - begun
        writer.close()
        sound = _sound(bytes(answer[:start]), bytes(answer[start:]))
        return Heard(first, took, (len(sound) - _WAV_HEADER) / _SAMPLE / rate)

    return say


def _sound(head: bytes, body: bytes) -> bytes:
    """The body without its chunks' lengths."""
    if not head.startswith(b"HTTP/1.1 200"):
        raise RuntimeError((head + body)[:500].decode(errors="replace"))
    if b"chunked" not in head.lower():
        return body
    found, at = bytearray(), 0
    while size := int(body[at : (end := body.index(b"\r\n", at))], 16):
        found += body[end + 2 : end + 2 + size]
        at = end + size + 4
    return bytes(found)


def _order(text: str) -> dict[str, str]:
    return {"model": "tts-1", "voice": "alloy", "input": text, "response_format": "wav"}


def _piper_order(text: str) -> dict[str, str]:
    return {"text": text}


async def _all(says: dict[str, Caller], voice: Voice) -> dict[int, dict[str, list[Load]]]:
    return {callers: await measure(says, voice, callers) for callers in CALLERS}


async def measure(says: dict[str, Caller], voice: Voice, callers: int) -> dict[str, list[Load]]:
    """Each in turn, round by round, and each as often the first; the first round warms up and does not count."""
    # With several callers, each asks more than once: they all begin together, and that is no everyday.
    texts = PARAGRAPHS * max(1, voice.repeats // 4) * (1 + 2 * (callers > 1))
    found: dict[str, list[Load]] = {name: [] for name in says}
    names = list(says)
    for number in range(ROUNDS + 1):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            found[name].append(await closed(says[name], texts, callers=callers, rate=voice.sample_rate))
    return {name: loads[1:] for name, loads in found.items()}


def compared(voice: Voice, callers: int, loads: dict[str, list[Load]]) -> list[Row]:
    """Throughput beside Piper's server, and the first sound beside gRPC."""
    where = f"{callers} caller{'s' * (callers > 1)}, {voice.size} voice"
    speed = {name: median(load.audio_per_second for load in each) for name, each in loads.items()}
    first = {name: median(load.first for load in each) * 1e3 for name, each in loads.items()}
    return [
        Row(
            name=f"/v1/audio/speech, {where}",
            unit="s of audio / s",
            measured=speed[GATEWAY],
            limit=speed[PIPER],
            limit_name=PIPER,
            goal=1.0 if callers > 1 else None,
            higher_is_better=True,
        ),
        Row(
            name=f"first sound over HTTP, {where}",
            unit="ms",
            measured=first[GATEWAY],
            limit=first[GRPC],
            limit_name="gRPC streaming",
            goal=1.3,
            higher_is_better=False,
        ),
    ]
