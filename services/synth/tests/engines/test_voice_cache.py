from __future__ import annotations

import asyncio
import dataclasses
from typing import TYPE_CHECKING

import pytest

from mayfly_synth.engines.voice_cache import VoiceCache

if TYPE_CHECKING:
    from mayfly_synth.engines.voice_folder import LoadedVoice


class Shelf:
    """Voices to load: as many as are asked for, 10 bytes each."""

    def __init__(self, shipped: LoadedVoice) -> None:
        self._shipped = shipped
        self.loads: list[str] = []
        self.go = asyncio.Event()
        self.go.set()
        self.fail = False

    def voice(self, name: str) -> LoadedVoice:
        return dataclasses.replace(
            self._shipped, voice=dataclasses.replace(self._shipped.voice, name=name), size_bytes=10
        )

    async def load(self, name: str) -> LoadedVoice:
        self.loads.append(name)
        await self.go.wait()
        if self.fail:
            raise OSError("gone")
        return self.voice(name)


@pytest.fixture
def shelf(shipped: LoadedVoice) -> Shelf:
    return Shelf(shipped)


async def use(cache: VoiceCache, name: str) -> None:
    (await cache.borrow(name)).end()


async def test_what_is_in_memory_is_not_loaded_again(shelf: Shelf) -> None:
    cache = VoiceCache([shelf.voice("a")], load=shelf.load)

    assert (await cache.borrow("a")).voice.voice.name == "a"
    assert shelf.loads == []


async def test_a_voice_is_loaded_once_for_all_who_ask_at_a_time(shelf: Shelf) -> None:
    cache = VoiceCache([], load=shelf.load)

    loans = await asyncio.gather(*(cache.borrow("a") for _ in range(50)))

    assert shelf.loads == ["a"]
    assert len({id(loan.voice) for loan in loans}) == 1


async def test_the_voice_that_was_not_used_for_longest_goes(shelf: Shelf) -> None:
    cache = VoiceCache([shelf.voice("a"), shelf.voice("b")], load=shelf.load, max_bytes=20)
    await use(cache, "a")

    await use(cache, "c")

    assert cache.names == ("a", "c")
    assert cache.size_bytes == 20


async def test_a_pinned_voice_stays(shelf: Shelf) -> None:
    cache = VoiceCache([shelf.voice("a"), shelf.voice("b")], load=shelf.load, max_bytes=20, pinned=["a"])
    await use(cache, "b")

    await use(cache, "c")

    assert cache.names == ("a", "c")


async def test_a_voice_that_is_spoken_with_stays_until_it_is_given_back(shelf: Shelf) -> None:
    cache = VoiceCache([shelf.voice("a")], load=shelf.load, max_bytes=10)
    loan = await cache.borrow("a")

    other = await cache.borrow("b")
    while_lent = cache.names
    loan.end()
    loan.end()

    assert while_lent == ("a", "b")
    assert cache.names == ("b",)
    other.end()


async def test_who_goes_away_while_a_voice_loads_leaves_it_to_the_others(shelf: Shelf) -> None:
    cache = VoiceCache([], load=shelf.load)
    shelf.go.clear()
    gone, stays = (asyncio.ensure_future(cache.borrow("a")) for _ in "12")
    await asyncio.sleep(0)

    gone.cancel()
    shelf.go.set()

    assert (await stays).voice.voice.name == "a"
    assert shelf.loads == ["a"]


async def test_a_voice_that_could_not_be_loaded_is_tried_again_by_the_next_one(shelf: Shelf) -> None:
    cache = VoiceCache([], load=shelf.load)
    shelf.fail = True
    with pytest.raises(OSError, match="gone"):
        await cache.borrow("a")

    shelf.fail = False

    assert (await cache.borrow("a")).voice.voice.name == "a"
    assert shelf.loads == ["a", "a"]
