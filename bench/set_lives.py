"""What callers of the whole set do in a soak: lives of audio of every kind, some of them cut off, some refused."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bench.texts import PARAGRAPHS
from mayfly_client import AsyncClient, AudioChunk, AudioNotFoundError, VoiceNotFoundError

if TYPE_CHECKING:
    import random
    from collections.abc import Awaitable, Callable

    import httpx

TTL: Final = 60
"""Seconds; so that every sweep has something to do."""
_WORDS: Final = " ".join(PARAGRAPHS).replace(".", "").split()


class PromiseBrokenError(Exception):
    """A service did what it must not do."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who lives them: over gRPC, and over HTTP at the gateway."""

    client: AsyncClient
    http: httpx.AsyncClient
    chance: random.Random

    def text(self) -> str:
        """One to three sentences that nobody has said before."""
        sentences = self.chance.randrange(1, 4)
        return " ".join(
            " ".join(self.chance.choices(_WORDS, k=self.chance.randrange(2, 15))).capitalize() + "."
            for _ in range(sentences)
        )


async def spoken(caller: Caller) -> None:
    """Text in, speech out, a link that plays; half of them are deleted, the others swept."""
    speech = await caller.client.speak(caller.text(), ttl=TTL)
    (await caller.http.get((await caller.client.url(speech.name)).url)).raise_for_status()
    if caller.chance.random() < 0.5:
        await caller.client.delete(speech.name)
        await must_be_gone(caller, speech.name)


async def streamed(caller: Caller) -> None:
    """Speech that is heard while it is made, and kept."""
    async with aclosing(caller.client.stream_speech(caller.text(), ttl=TTL)) as items:
        if not [item async for item in items if isinstance(item, AudioChunk)]:
            raise PromiseBrokenError("a stream of speech had no sound")


async def left_early(caller: Caller) -> None:
    """A caller who hangs up after the first sound."""
    async with aclosing(caller.client.stream_speech(" ".join(caller.text() for _ in range(4)), ttl=TTL)) as items:
        async for item in items:
            if isinstance(item, AudioChunk):
                return


async def over_http(caller: Caller) -> None:
    """OpenAI's door of the gateway, in a format that needs an encoder."""
    order = {"model": "tts-1", "voice": "alloy", "input": caller.text(), "response_format": "mp3"}
    (await caller.http.post("/v1/audio/speech", json=order)).raise_for_status()


async def processed(caller: Caller) -> None:
    """Speech that is made into another file by ffmpeg."""
    name = (await caller.client.speak(caller.text(), ttl=TTL)).name
    await caller.client.process_audio(name, format="opus", trim_silence=True, ttl=TTL)


async def kept(caller: Caller) -> None:
    """A recording: saved through a grant, listed, read whole, deleted."""
    body = caller.chance.randbytes(50_000)
    audio = await caller.client.save(body, collection="temp-audio", content_type="audio/wav", ttl=TTL)
    if await caller.client.download(audio.name) != body:
        raise PromiseBrokenError(f"{audio.name} has other bytes than were saved")
    _ = [each async for each in caller.client.list(collection="temp-audio", page_size=100)]
    await caller.client.delete(audio.name)
    await must_be_gone(caller, audio.name)


async def refused(caller: Caller) -> None:
    """A mistake, and its error."""
    try:
        await caller.client.speak("Hello.", voice="en_US-nobody-low")
    except VoiceNotFoundError:
        return
    raise PromiseBrokenError("a voice that is not there spoke")


async def must_be_gone(caller: Caller, name: str) -> None:
    """What was deleted is not readable."""
    try:
        await caller.client.get(name)
    except AudioNotFoundError:
        return
    raise PromiseBrokenError(f"{name} was deleted, and is readable")


LIVES: Final[tuple[Callable[[Caller], Awaitable[None]], ...]] = (
    spoken,
    streamed,
    left_early,
    over_http,
    processed,
    kept,
    refused,
)
