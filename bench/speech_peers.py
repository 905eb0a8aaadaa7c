"""synth beside Piper's own HTTP server and wyoming-piper: the same voice, the same texts, one and eight callers.

What comes out in a second, and how long a caller waits for the first sound. All three run for the whole measurement and
are asked in turn, so that a change of the machine's speed meets all of them; figures are medians of the rounds.
"""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from statistics import median
from typing import TYPE_CHECKING

from bench.report import Row
from bench.speech_load import Voice, closed, voices
from bench.speech_servers import http_server, synth_server, wyoming_server
from bench.texts import PARAGRAPHS

if TYPE_CHECKING:
    from bench.speech_load import Load
    from bench.speech_servers import Server

ROUNDS = 5
CALLERS = (1, 8)
MAYFLY = "Mayfly"


async def measure(servers: list[Server], voice: Voice, callers: int, *, rounds: int = ROUNDS) -> dict[str, list[Load]]:
    """Each in turn, round by round; the first round warms up and does not count."""
    found: dict[str, list[Load]] = {server.name: [] for server in servers}
    for _ in range(rounds + 1):
        for server in servers:
            # With several callers, each asks more than once: they all begin together, and that is no everyday.
            said = PARAGRAPHS * max(1, voice.repeats // 4) * (1 + (callers > 1))
            found[server.name].append(await closed(server.say, said, callers=callers, rate=voice.sample_rate))
    return {name: loads[1:] for name, loads in found.items()}


def run() -> list[Row]:
    """Each voice with each number of callers."""
    return [row for voice in voices() for row in rows_of(voice)]


def rows_of(voice: Voice) -> list[Row]:
    """One voice."""
    with ExitStack() as stack:
        servers = [stack.enter_context(make(voice.model)) for make in (synth_server, http_server, wyoming_server)]

        async def all_callers() -> dict[int, dict[str, list[Load]]]:
            return {callers: await measure(servers, voice, callers) for callers in CALLERS}

        found = asyncio.run(all_callers())
    return [row for callers, loads in found.items() for row in compared(voice, callers, loads)]


def compared(voice: Voice, callers: int, loads: dict[str, list[Load]]) -> list[Row]:
    """Throughput beside each peer, and the first sound beside the best of them."""
    where = f"{callers} caller{'s' * (callers > 1)}, {voice.size} voice"
    speed = {name: median(load.audio_per_second for load in each) for name, each in loads.items()}
    first = {name: median(load.first for load in each) * 1e3 for name, each in loads.items()}
    peers = [name for name in loads if name != MAYFLY]
    best = min(peers, key=lambda name: first[name])
    return [
        *(
            Row(
                name=f"speech, {where}",
                unit="s of audio / s",
                measured=speed[MAYFLY],
                limit=speed[peer],
                limit_name=peer,
                goal=1.0,
                higher_is_better=True,
            )
            for peer in peers
        ),
        Row(
            name=f"first sound, {where}",
            unit="ms",
            measured=first[MAYFLY],
            limit=first[best],
            limit_name=f"{best}, the best of them",
            goal=None if callers == 1 else 1 / 3,
            higher_is_better=False,
        ),
    ]
