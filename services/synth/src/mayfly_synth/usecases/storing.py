"""Storing what belongs together: one file, or a file for each part, of which all can be read or none."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mayfly_synth.domain.ports import AudioSink
    from mayfly_synth.domain.speech import Destination, RequestKey, Speech, StoredAudio

_SIDE_BY_SIDE: Final = 8
"""Files that are put at a time."""


async def store_all(
    sink: AudioSink, speech: Speech, *, key: RequestKey, destination: Destination, reservation: str
) -> tuple[StoredAudio, ...]:
    """Store a speech: its file, or those of its parts, side by side.

    No part can be read before the bytes of all have arrived. If one fails, the others are given up, and the first
    failure is raised. What fails after that, in the moment in which all are committed, may leave some of them behind
    until they expire; a retry of the request finishes them.

    Args:
        sink: Where to.
        speech: What to store.
        key: Whose request, and which.
        destination: Where the file goes. Parts get a key field `index` besides, where there are key fields.
        reservation: What was counted; the first part has it.

    Raises:
        SynthError: Whatever `AudioSink.store` raises.
    """
    if not speech.parts:
        return (await sink.store(speech, key=key, destination=destination, reservation=reservation),)
    crew = _Crew(len(speech.parts))
    tasks = [
        asyncio.create_task(
            crew.store(
                sink,
                part,
                key=replace(key, part=number),
                destination=_numbered(destination, number),
                reservation="" if number else reservation,
            )
        )
        for number, part in enumerate(speech.parts)
    ]
    try:
        return tuple(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _Crew:
    """Takes turns in putting, and waits for all before anything can be read."""

    def __init__(self, files: int) -> None:
        self._turns = asyncio.Semaphore(_SIDE_BY_SIDE)
        self._all_there = asyncio.Barrier(files)

    async def store(
        self, sink: AudioSink, speech: Speech, *, key: RequestKey, destination: Destination, reservation: str
    ) -> StoredAudio:
        """Store one file when it is its turn."""
        turn = _Turn(self._turns, self._all_there)
        await self._turns.acquire()
        try:
            return await sink.store(
                speech, key=key, destination=destination, reservation=reservation, together=turn.arrived
            )
        finally:
            turn.end()


class _Turn:
    """One file's turn: it ends when its bytes have arrived, so that the next ones can come while it waits."""

    def __init__(self, turns: asyncio.Semaphore, all_there: asyncio.Barrier) -> None:
        self._turns: asyncio.Semaphore | None = turns
        self._all_there = all_there

    async def arrived(self) -> None:
        """Wait for the others, once."""
        if self._turns is not None:
            self.end()
            await self._all_there.wait()

    def end(self) -> None:
        """Let the next one begin, once."""
        if self._turns is not None:
            self._turns.release()
            self._turns = None


def _numbered(destination: Destination, number: int) -> Destination:
    """Where collections have keys that callers choose, the number is the part of it that callers cannot know."""
    if not destination.key_fields:
        return destination
    return replace(destination, key_fields=tuple(sorted((*destination.key_fields, ("index", str(number))))))
