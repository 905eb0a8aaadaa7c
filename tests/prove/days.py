"""A run: three days of callers, sweepers and trouble, with an auditor who looks at everything."""

from __future__ import annotations

import asyncio
import random
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final
from uuid import UUID

import httpx

from mayfly_client.certificates import Certificate, verify
from mayfly_runtime.testing import FakeClock
from mayfly_storage.collections_file import read_collections
from mayfly_storage.domain.privacy import Privacy, TextPolicy
from mayfly_storage.domain.timing import Timing
from mayfly_storage.readiness import check_backend
from mayfly_storage.testing.reference import Fuse
from mayfly_storage.usecases.assembly import RetentionUseCases, StorageUseCases, World
from tests.prove.agenda import Agenda
from tests.prove.auditor import Auditor
from tests.prove.callers import Callers
from tests.prove.ledger import Ledger
from tests.prove.scenario import BOUND, START, SWEEP_EVERY, Scenario
from tests.prove.sweepers import Sweepers
from tests.prove.sweeping import Schedule

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from mayfly_storage.domain.audio import AudioName
    from mayfly_storage.testing.relay import Relay
    from tests.prove.site import OpenSite, Site

_SOON: Final = timedelta(minutes=1)
_SECOND: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a run."""

    backend: str
    scenario: Scenario
    ledger: Ledger
    sweeps: dict[str, int]
    """How many of the sweeps that lived to their end ended how."""
    certificates: int
    chain_problems: tuple[str, ...]
    seconds: float

    @property
    def is_kept(self) -> bool:
        """Whether both promises were."""
        return not self.ledger.broken and not self.chain_problems


class Days:
    """One run over one site."""

    def __init__(
        self, site: Site, scenario: Scenario, clock: FakeClock, http: httpx.AsyncClient, scratch: Path
    ) -> None:
        """Put everything in its place; nothing has happened yet."""
        self.site, self.scenario, self.clock = site, scenario, clock
        self.chance = _chance(scenario, "days")
        self.ledger, self.fuse, self.agenda = Ledger(), Fuse(), Agenda(clock)
        self.world = _world(site, clock, self.fuse, _chance(scenario, "ids"))
        self.storage = StorageUseCases.over(self.world)
        self.sweepers = Sweepers(RetentionUseCases.over(self.world), clock)
        self.callers = Callers(
            scenario=scenario,
            site=site,
            world=self.world,
            storage=self.storage,
            clock=clock,
            fuse=self.fuse,
            ledger=self.ledger,
            chance=_chance(scenario, "callers"),
            http=http,
            scratch=scratch,
        )
        self.auditor = Auditor(
            site=site,
            world=self.world,
            storage=self.storage,
            clock=clock,
            ledger=self.ledger,
            chance=_chance(scenario, "auditor"),
            http=http,
        )
        self.schedule = Schedule(
            scenario=scenario,
            site=site,
            sweepers=self.sweepers,
            callers=self.callers,
            fuse=self.fuse,
            ledger=self.ledger,
            chance=_chance(scenario, "sweeps"),
        )

    async def pass_by(self, on_tick: Callable[[float], None]) -> None:
        """All of it; then the time that the bound allows, and a last look."""
        self._act_again()
        self._every(SWEEP_EVERY, self.schedule.run, first=SWEEP_EVERY)
        self._every(self.scenario.tick, self._tick, first=self.scenario.tick)
        if self.site.relay is not None:
            self._next_outage(self.site.relay)
        moment = START
        while moment < self.scenario.end:
            moment = min(moment + self.scenario.tick, self.scenario.end)
            await self.agenda.keep_until(moment)
            on_tick((moment - START) / (self.scenario.end - START))
        self._calm()
        await self.agenda.keep_until(self.scenario.end + 2 * BOUND)
        await self.auditor.tick()

    def _calm(self) -> None:
        """Callers and trouble are over."""
        self.scenario = self.callers.scenario = self.schedule.scenario = replace(
            self.scenario, trouble_share=0, crash_share=0
        )

    def _every(self, pause: timedelta, act: Callable[[], Awaitable[None]], *, first: timedelta) -> None:
        async def do_and_plan() -> None:
            await act()
            self._note_ends()
            self.agenda.at(self.clock.now() + pause, do_and_plan)

        self.agenda.at(START + first, do_and_plan)

    def _act_again(self) -> None:
        async def act() -> None:
            if self.clock.now() < self.scenario.end:
                await self.callers.act()
                self._note_ends()
                self._act_again()

        pause = timedelta(hours=self.chance.expovariate(self.scenario.acts_per_hour))
        self.agenda.at(self.clock.now() + pause, act)

    def _note_ends(self) -> None:
        """Appointments with the end of everything that was acknowledged since."""
        for name, end in self.ledger.fresh:
            self.agenda.at(end - _SECOND, partial(self.auditor.before_the_end, name))
            self.agenda.at(end, partial(self._at_the_end, name))
        self.ledger.fresh.clear()

    async def _at_the_end(self, name: AudioName) -> None:
        await self.auditor.at_the_end(name)
        is_early = self.chance.random() < self.scenario.early_ttl_share
        if is_early and self.site.collect is not None and name in self.ledger.ended:
            self.ledger.tried["rows that the TTL collects days too early"] += 1
            await asyncio.to_thread(self.site.collect, name)

    async def _tick(self) -> None:
        await self._look_for_the_store()
        await self.auditor.tick()

    async def _look_for_the_store(self) -> None:
        """As readiness does every few seconds: what knows of an outage, and of its end."""
        if self.site.backend.stores.fallback is not None:
            await check_backend(self.site.backend, within=_SOON)

    def _next_outage(self, relay: Relay) -> None:
        begin = self.clock.now() + self.chance.uniform(0.6, 1.4) * self.scenario.outage_every
        length = self.chance.uniform(0.3, 1) * self.scenario.outage_length

        async def end() -> None:
            relay.mend()
            await self._look_for_the_store()
            self._next_outage(relay)

        async def start() -> None:
            self.ledger.tried["outages of S3"] += 1
            self.ledger.outages.append((begin, begin + length))
            relay.cut()
            await self._look_for_the_store()
            self.agenda.at(begin + length, end)

        if begin + length < self.scenario.end:
            self.agenda.at(begin, start)

    async def chain(self) -> list[Certificate]:
        """All certificates, oldest first."""
        client, found, token, more = self.sweepers.client(), list[Certificate](), "", True
        while more:
            page = await client.newest(page_size=200, page_token=token)
            found += [
                Certificate(
                    sequence=one.sequence,
                    body=one.body,
                    sha256=one.sha256.hex(),
                    previous_sha256=one.previous_sha256.hex(),
                    create_time=one.create_time,
                )
                for one in page.certificates
            ]
            token, more = page.next_page_token, bool(page.next_page_token)
        return found[::-1]


def _chance(scenario: Scenario, whose: str) -> random.Random:
    """Of each its own, so that work side by side does not change what the others do."""
    return random.Random(f"{scenario.seed}/{whose}")  # noqa: S311 - it chooses cases


def _world(site: Site, clock: FakeClock, fuse: Fuse, chance: random.Random) -> World:
    return World(
        backend=site.backend,
        collections=read_collections(),
        privacy=Privacy(secret=b"a secret of this run, and long enough", texts=TextPolicy.KEPT),
        timing=Timing(),
        now=clock.now,
        new_id=lambda: UUID(int=chance.getrandbits(128), version=4),
        new_attempt=lambda: f"{chance.getrandbits(128):032x}",
        reach=fuse,
    )


async def live_through(
    backend: str,
    opened: OpenSite,
    scenario: Scenario,
    folder: Path,
    *,
    on_tick: Callable[[float], None] = lambda _: None,
) -> Outcome:
    """One run on one backend, in an empty folder."""
    begun = time.monotonic()
    clock = FakeClock(START)
    async with AsyncExitStack() as stack:
        site = await stack.enter_async_context(opened(clock, folder))
        http = await stack.enter_async_context(httpx.AsyncClient(timeout=60))
        scratch = folder / "scratch"
        scratch.mkdir()
        days = Days(site, scenario, clock, http, scratch)
        await days.pass_by(on_tick)
        chain = verify(await days.chain())
    return Outcome(
        backend=backend,
        scenario=scenario,
        ledger=days.ledger,
        sweeps=days.schedule.states,
        certificates=chain.checked,
        chain_problems=chain.problems,
        seconds=time.monotonic() - begun,
    )
