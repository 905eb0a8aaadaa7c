"""Voices in memory, up to a bound in bytes.

All voices were loaded once at the start, so all of them are known to speak; what the bound has no room for is loaded
again when it is asked for, once for all who ask at that time. The voice that was not used for longest goes first. What
is pinned stays, and so does what is being spoken with: the bound is passed for as long as that needs.

Used from the event loop only, so nothing here needs a lock.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from mayfly_synth.engines.voice_folder import LoadedVoice

_log = logging.getLogger("mayfly.synth.voices")


class VoiceCache:
    """Lends voices."""

    def __init__(
        self,
        loaded: Iterable[LoadedVoice],
        *,
        load: Callable[[str], Awaitable[LoadedVoice]],
        max_bytes: int = 0,
        pinned: Iterable[str] = (),
    ) -> None:
        """Take voices that are loaded.

        Args:
            loaded: Some or all.
            load: Loads one by its name.
            max_bytes: Most bytes of model files. 0: no bound.
            pinned: Names of voices that always stay.
        """
        self._load = load
        self._max_bytes = max_bytes
        self._pinned = frozenset(pinned)
        # In the order of use: the first one was not used for longest.
        self._voices = {one.voice.name: one for one in loaded}
        self._lent: dict[str, int] = {}
        self._loading: dict[str, asyncio.Task[LoadedVoice]] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """What is in memory."""
        return tuple(self._voices)

    @property
    def size_bytes(self) -> int:
        """How much is in memory."""
        return sum(one.size_bytes for one in tuple(self._voices.values()))

    @property
    def lent(self) -> int:
        """How many times voices are lent at the moment."""
        return sum(self._lent.values())

    async def borrow(self, name: str) -> Loan:
        """A voice, which must be given back.

        Args:
            name: Of a voice that the folder has.
        """
        self._lent[name] = self._lent.get(name, 0) + 1
        try:
            voice = self._voices.pop(name, None) or await self._loaded(name)
        except BaseException:
            self.give_back(name)
            raise
        self._voices[name] = voice
        self._make_room()
        return Loan(self, voice)

    def give_back(self, name: str) -> None:
        """Note that a voice is used by one less."""
        self._lent[name] -= 1
        if not self._lent[name]:
            del self._lent[name]
        self._make_room()

    async def _loaded(self, name: str) -> LoadedVoice:
        """Load it, once for all who wait; whoever goes away leaves it to the others."""
        if name not in self._loading:
            self._loading[name] = task = asyncio.ensure_future(self._load(name))
            task.add_done_callback(lambda done: self._note(name, done))
        return await asyncio.shield(self._loading[name])

    def _note(self, name: str, done: asyncio.Task[LoadedVoice]) -> None:
        self._loading.pop(name, None)
        if not done.cancelled() and done.exception() is None:
            self._voices[name] = done.result()
            _log.info("voice_loaded", extra={"voice": name, "size_bytes": done.result().size_bytes})
            self._make_room()

    def _make_room(self) -> None:
        if not self._max_bytes:
            return
        for name in tuple(self._voices):
            if self.size_bytes <= self._max_bytes:
                return
            if name not in self._pinned and name not in self._lent:
                del self._voices[name]
                _log.info("voice_dropped", extra={"voice": name})


class Loan:
    """A voice while it is used."""

    __slots__ = ("_cache", "voice")

    def __init__(self, cache: VoiceCache, voice: LoadedVoice) -> None:
        self._cache: VoiceCache | None = cache
        self.voice = voice

    def end(self) -> None:
        """Give it back. More than once is no harm."""
        if self._cache is not None:
            cache, self._cache = self._cache, None
            cache.give_back(self.voice.voice.name)
