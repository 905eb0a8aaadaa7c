from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field

import pytest

from mayfly_synth.domain.call import Flow
from mayfly_synth.engines.turns import Turn, Turns


async def settled() -> None:
    """Until whoever can go on went on: asking, handing out and taking are a step of the loop each."""
    for _ in range(4):
        await asyncio.sleep(0)


@dataclass
class Hall:
    """Callers who ask for turns, and a note of who got one."""

    turns: Turns
    granted: list[str] = field(default_factory=list)
    held: list[Turn] = field(default_factory=list)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    async def ask(
        self, flow: Flow, name: str, *, cost: int = 100, alone: bool = False, brief: bool = False
    ) -> asyncio.Task[None]:
        async def wait() -> None:
            turn = await self.turns.take(flow, cost=cost, alone=alone, brief=brief)
            self.granted.append(name)
            self.held.append(turn)

        task = asyncio.ensure_future(wait())
        self.tasks.append(task)
        await settled()
        return task

    async def end_one(self) -> None:
        self.held.pop(0).end()
        await settled()

    async def end_all(self) -> list[str]:
        while self.held:
            await self.end_one()
        return self.granted


async def test_as_many_speak_as_there_are_workers() -> None:
    hall = Hall(Turns(workers=2))
    for name in "abc":
        await hall.ask(Flow(), name)

    assert hall.granted == ["a", "b"]
    assert (hall.turns.taken, hall.turns.waiting) == (2, 1)

    await hall.end_one()
    assert hall.granted == ["a", "b", "c"]


async def test_first_sentences_go_before_those_that_follow() -> None:
    hall = Hall(Turns(workers=1))
    flows = [Flow() for _ in range(3)]
    for number in range(3):
        for caller, flow in enumerate(flows):
            if number == 0 or caller == 0:
                await hall.ask(flow, f"{caller}.{number}")

    assert await hall.end_all() == ["0.0", "1.0", "2.0", "0.1", "0.2"]


async def test_a_caller_who_comes_later_is_heard_before_the_rest_of_a_long_text() -> None:
    hall = Hall(Turns(workers=1))
    long = Flow()
    for number in range(5):
        await hall.ask(long, f"long.{number}")
    await hall.end_one()

    await hall.ask(Flow(), "late.0")

    assert (await hall.end_all())[:3] == ["long.0", "long.1", "late.0"]


async def test_callers_share_the_work_and_not_the_sentences() -> None:
    hall = Hall(Turns(workers=1))
    short, long = Flow(), Flow()
    for number in range(12):
        await hall.ask(short, f"short.{number}", cost=20)
    for number in range(3):
        await hall.ask(long, f"long.{number}", cost=200)

    granted = await hall.end_all()

    # When the long ones have had 400 characters, the short ones have had about as many, and not two sentences.
    assert granted.index("long.2") > granted.index("short.10")


@pytest.mark.parametrize("strangers", [1, 8, 40])
async def test_a_second_sentence_waits_for_a_bounded_time_although_new_callers_keep_coming(strangers: int) -> None:
    hall = Hall(Turns(workers=1))
    patient = Flow()
    await hall.ask(patient, "patient.0")
    await hall.ask(patient, "patient.1")
    others = 0
    for _ in range(strangers):
        await hall.ask(Flow(), f"new.{(others := others + 1)}")
    while "patient.1" not in hall.granted:
        await hall.end_one()
        await hall.ask(Flow(), f"new.{(others := others + 1)}")
        # So many sentences of 100 characters as the head start has, from each of those who are there at a time.
        assert others <= (strangers + 2) * 6


async def test_a_lone_caller_may_have_all_workers() -> None:
    hall = Hall(Turns(workers=2))
    flow = Flow()
    await hall.ask(flow, "first", alone=True)
    await hall.ask(flow, "second")

    assert hall.granted == ["first"]
    assert hall.held[0].has_all_workers

    await hall.end_one()
    assert hall.granted == ["first", "second"]
    assert not hall.held[0].has_all_workers


async def test_later_sentences_of_a_lone_caller_are_spoken_side_by_side() -> None:
    hall = Hall(Turns(workers=2))
    flow = Flow()
    for name in ("first", "second", "third"):
        await hall.ask(flow, name, alone=True)
    assert hall.granted == ["first"]

    await hall.end_one()

    assert hall.granted == ["first", "second", "third"]


async def test_sentences_of_a_lone_caller_that_come_in_the_same_moment_are_spoken_side_by_side() -> None:
    hall = Hall(Turns(workers=2))
    flow = Flow()
    await hall.ask(flow, "first", alone=True)
    await hall.end_one()

    second, third = (asyncio.ensure_future(hall.turns.take(flow, cost=100, alone=True)) for _ in range(2))
    await settled()

    assert second.done()
    assert third.done()
    assert not second.result().has_all_workers


async def test_a_sentence_that_comes_when_nothing_is_left_to_speak_may_have_all_workers() -> None:
    hall = Hall(Turns(workers=2))
    flow = Flow()
    await hall.ask(flow, "first", alone=True)
    await hall.end_one()

    await hall.ask(flow, "second", alone=True)

    assert hall.held[0].has_all_workers


async def test_where_somebody_else_speaks_nobody_has_all_workers() -> None:
    hall = Hall(Turns(workers=2))
    await hall.ask(Flow(), "a")
    await hall.ask(Flow(), "b", alone=True)

    assert [turn.has_all_workers for turn in hall.held] == [False, False]
    assert [turn.is_alone for turn in hall.held] == [True, False]


@pytest.mark.parametrize("workers", [1, 2])
async def test_where_somebody_else_asks_in_the_same_moment_nobody_is_alone(workers: int) -> None:
    turns = Turns(workers=workers)

    first, second = (asyncio.ensure_future(turns.take(Flow(), cost=100)) for _ in range(2))
    first_turn = await first
    first_turn.end()

    assert not first_turn.is_alone
    assert (await second).is_alone is (workers == 1)


async def test_a_lone_caller_is_alone_however_many_workers_its_sentence_has() -> None:
    hall = Hall(Turns(workers=2))
    flow = Flow()
    await hall.ask(flow, "first")
    await hall.ask(flow, "second")

    assert [(turn.is_alone, turn.has_all_workers) for turn in hall.held] == [(True, False), (False, False)]


async def test_of_brief_ones_the_next_is_handed_out_while_all_workers_speak() -> None:
    hall = Hall(Turns(workers=2))
    for name in "abcd":
        await hall.ask(Flow(), name, brief=True)

    assert hall.granted == ["a", "b", "c"]
    assert (hall.turns.speaking, hall.turns.waiting) == (2, 1)

    assert await hall.end_all() == ["a", "b", "c", "d"]
    assert (hall.turns.taken, hall.turns.speaking) == (0, 0)


async def test_a_long_one_waits_for_a_worker_beside_brief_ones() -> None:
    hall = Hall(Turns(workers=1))
    await hall.ask(Flow(), "brief", brief=True)
    await hall.ask(Flow(), "long")
    await hall.ask(Flow(), "next", brief=True)

    assert hall.granted == ["brief"]
    assert await hall.end_all() == ["brief", "long", "next"]


async def test_beside_one_that_has_all_workers_the_next_is_not_handed_out() -> None:
    hall = Hall(Turns(workers=2))
    flow = Flow()
    await hall.ask(flow, "first", alone=True, brief=True)
    await hall.ask(flow, "second", alone=True, brief=True)
    assert hall.granted == ["first"]

    assert await hall.end_all() == ["first", "second"]


async def test_who_goes_away_while_it_waits_takes_no_turn() -> None:
    hall = Hall(Turns(workers=1))
    await hall.ask(Flow(), "a")
    gone = await hall.ask(Flow(), "gone")
    await hall.ask(Flow(), "b")

    gone.cancel()

    assert await hall.end_all() == ["a", "b"]
    assert (hall.turns.taken, hall.turns.waiting) == (0, 0)


async def test_a_turn_that_comes_as_its_caller_goes_is_given_on() -> None:
    turns = Turns(workers=1)
    first = await turns.take(Flow(), cost=1)
    waiting = asyncio.ensure_future(turns.take(Flow(), cost=1))
    await asyncio.sleep(0)

    first.end()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting

    assert turns.taken == 0


async def test_a_turn_ends_once() -> None:
    turns = Turns(workers=1)
    turn = await turns.take(Flow(), cost=1)

    turn.end()
    turn.end()

    assert turns.taken == 0


@pytest.mark.parametrize("seed", range(5))
async def test_whatever_happens_no_worker_is_lost(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - not for secrets
    hall = Hall(Turns(workers=3))
    flows = [Flow() for _ in range(6)]
    for number in range(300):
        match chance.randrange(4):
            case 0 | 1:
                alone, brief = chance.random() < 0.3, chance.random() < 0.5
                flow, cost = chance.choice(flows), chance.randrange(1, 400)
                await hall.ask(flow, str(number), cost=cost, alone=alone, brief=brief)
            case 2 if hall.held:
                hall.held.pop(chance.randrange(len(hall.held))).end()
            case _ if hall.tasks:
                chance.choice(hall.tasks).cancel()
        await asyncio.sleep(0)
        assert hall.turns.speaking <= 3
        assert hall.turns.taken <= 4

    await hall.end_all()
    assert (hall.turns.taken, hall.turns.waiting) == (0, 0)
    await asyncio.gather(*hall.tasks, return_exceptions=True)
