"""R23: with a wrong clock nothing is signed, nothing starts, and health says why."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from mayfly_storage.clock_watch import compare_clocks
from mayfly_storage.domain.audio import Location
from mayfly_storage.domain.errors import BackendMisconfiguredError, BackendUnavailableError, ClockWrongError
from mayfly_storage.domain.store_clock import StoreClock
from mayfly_storage.testing.builders import DAWN
from mayfly_storage.testing.stage import Stage
from mayfly_storage.usecases.assembly import StorageUseCases

if TYPE_CHECKING:
    from mayfly_storage.domain.stores import Stores

ALLOWED = timedelta(seconds=2)
FIVE_MINUTES = timedelta(minutes=5)


@pytest.mark.parametrize(
    ("before", "store", "after", "off"),
    [
        (0, 0, 0, 0),
        (0.9, 0, 1.2, 0),  # the store tells whole seconds
        (0, 0.5, 1, 0),
        (0, 5, 10, 0),  # a slow answer says little
        (10, 3, 11, 6),
        (0, 30, 1, -29),
    ],
)
def test_only_what_is_sure_counts(before: float, store: float, after: float, off: float) -> None:
    clock = StoreClock(allowed=ALLOWED)
    times = [DAWN + timedelta(seconds=each) for each in (before, store, after)]
    clock.compare(before=times[0], store=times[1], after=times[2])
    assert clock.off == timedelta(seconds=off)


def test_the_error_says_which_way_how_far_and_what_to_do() -> None:
    clock = StoreClock(allowed=ALLOWED)
    clock.compare(before=DAWN, store=DAWN + FIVE_MINUTES, after=DAWN)
    with pytest.raises(ClockWrongError, match=r"300 s behind the store's, and 2 s are allowed.*NTP"):
        clock.require_right()


@pytest.fixture
def stage() -> Stage:
    return Stage(with_fallback=True)


def shifted(stage: Stage, ahead: timedelta) -> Stores:
    """The stores of a machine whose clock is that far ahead of S3's."""
    blobs: Any = stage.memory.blobs
    blobs._now = lambda: stage.clock.now() - ahead
    return replace(stage.world.backend.stores, clock=StoreClock(allowed=ALLOWED))


def over(stage: Stage, stores: Stores) -> StorageUseCases:
    return StorageUseCases.over(replace(stage.world, backend=replace(stage.world.backend, stores=stores)))


async def grants(stage: Stage, stores: Stores) -> bool:
    """Whether anything is signed."""
    _, grant = await over(stage, stores).create_upload(stage.wish())
    return grant is not None


@pytest.mark.parametrize("ahead", [FIVE_MINUTES, -FIVE_MINUTES])
async def test_nothing_is_signed_with_a_clock_that_is_five_minutes_off(stage: Stage, ahead: timedelta) -> None:
    stores = shifted(stage, ahead)
    with pytest.raises(ClockWrongError):
        await compare_clocks(stores, stage.clock.now)
    storage = over(stage, stores)
    with pytest.raises(BackendMisconfiguredError):
        await storage.create_upload(stage.wish())
    with pytest.raises(BackendMisconfiguredError):
        await storage.sign_urls([], ttl=None, attachment=False)


async def test_once_the_clock_is_right_again_all_goes_on(stage: Stage) -> None:
    stores = shifted(stage, FIVE_MINUTES)
    with pytest.raises(ClockWrongError):
        await compare_clocks(stores, stage.clock.now)
    blobs: Any = stage.memory.blobs
    blobs._now = stage.clock.now
    await compare_clocks(stores, stage.clock.now)
    assert await grants(stage, stores)


async def test_a_second_is_nobodys_fault(stage: Stage) -> None:
    stores = shifted(stage, timedelta(seconds=1.5))
    await compare_clocks(stores, stage.clock.now)
    assert await grants(stage, stores)


async def test_a_store_that_does_not_answer_says_nothing_of_the_clock(stage: Stage) -> None:
    stores = shifted(stage, FIVE_MINUTES)
    stage.memory.blobs.failure = BackendUnavailableError("S3", cause="ConnectTimeoutError")
    with pytest.raises(BackendUnavailableError):
        await compare_clocks(stores, stage.clock.now)
    stage.memory.blobs.failure = None
    assert await grants(stage, stores)


async def test_files_have_the_clock_of_their_machine() -> None:
    stage = Stage()
    stores = replace(stage.world.backend.stores, clock=StoreClock(allowed=ALLOWED))
    blobs: Any = stage.memory.blobs
    blobs._now = lambda: datetime.max.replace(tzinfo=UTC)
    assert stores.primary is Location.LOCAL
    await compare_clocks(stores, stage.clock.now)
    assert await grants(stage, stores)
