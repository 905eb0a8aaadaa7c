from __future__ import annotations

import asyncio

from mayfly_synth.speech_assembly import forgetting


class Memory:
    def __init__(self) -> None:
        self.asked = asyncio.Event()

    def forget_old(self) -> None:
        self.asked.set()


async def test_memories_are_asked_to_forget_although_nobody_speaks() -> None:
    one, other = Memory(), Memory()

    async with forgetting(one, other, seconds=0.001):
        await asyncio.wait_for(asyncio.gather(one.asked.wait(), other.asked.wait()), 60)

    assert asyncio.all_tasks() == {asyncio.current_task()}
