"""Readiness follows the backend's own checks."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from mayfly_runtime.server import Readiness
from mayfly_storage.domain.errors import BackendMisconfiguredError, BackendUnavailableError
from mayfly_storage.readiness import BackendWatch, check_backend, watching

if TYPE_CHECKING:
    from mayfly_storage.testing.stage import Stage

SECOND = timedelta(seconds=1)
REFUSED = BackendMisconfiguredError("s3", "AccessDenied")


class Turns:
    """A pause that ends when a test says so, and tells when the next one begins."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.go_on = asyncio.Event()

    async def __call__(self) -> None:
        self.begun.set()
        await self.go_on.wait()
        self.go_on.clear()

    async def one(self) -> None:
        await self.begun.wait()
        self.begun.clear()
        self.go_on.set()
        await self.begun.wait()


async def test_a_backend_that_answers_is_fine(stage: Stage) -> None:
    await check_backend(stage.world.backend, within=SECOND)


async def test_rows_and_bytes_are_both_checked(stage: Stage) -> None:
    for port in (stage.memory.catalog, stage.memory.blobs):
        port.failure = REFUSED
        with pytest.raises(BackendMisconfiguredError):
            await check_backend(stage.world.backend, within=SECOND)
        port.failure = None


async def test_a_backend_that_hangs_does_not_answer(stage: Stage) -> None:
    async def hang() -> None:
        await asyncio.Event().wait()

    stage.catalog.instead["check"] = hang

    with pytest.raises(BackendUnavailableError):
        await check_backend(stage.world.backend, within=timedelta(milliseconds=1))


async def test_readiness_goes_with_the_backend_and_comes_back_with_it(stage: Stage) -> None:
    readiness, turns = Readiness(), Turns()
    watch = BackendWatch(stage.world.backend, readiness, every=SECOND, pause=turns)
    task = asyncio.create_task(watch.run())

    stage.memory.blobs.failure = REFUSED
    await turns.one()
    assert (readiness.ready, readiness.reason) == (False, str(REFUSED))

    stage.memory.blobs.failure = None
    await turns.one()
    assert readiness.ready
    task.cancel()


async def test_a_check_that_fails_in_a_new_way_does_not_end_the_watch(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    readiness, turns = Readiness(), Turns()
    task = asyncio.create_task(BackendWatch(stage.world.backend, readiness, every=SECOND, pause=turns).run())

    stage.memory.catalog.failure = ValueError("nobody thought of this")
    await turns.one()
    assert (readiness.ready, readiness.reason) == (False, "the check of the backend failed")
    assert "backend.check_failed" in caplog.text

    stage.memory.catalog.failure = None
    await turns.one()
    assert readiness.ready
    task.cancel()


async def test_the_watch_ends_with_its_block(stage: Stage) -> None:
    async with watching(stage.world.backend, Readiness(), every=SECOND):
        assert any(task.get_name() == "backend-watch" for task in asyncio.all_tasks())

    assert not any(task.get_name() == "backend-watch" for task in asyncio.all_tasks())
