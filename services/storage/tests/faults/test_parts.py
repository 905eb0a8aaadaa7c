"""A process that dies before or after any step of an upload in parts loses nothing, and sweeps leave no part of it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from mayfly_storage.domain.audio import State
from mayfly_storage.domain.uploads import Subject
from mayfly_storage.testing.builders import DAWN
from mayfly_storage.testing.stage import Stage
from mayfly_storage.testing.sweeping import leaks, sweep
from mayfly_storage.usecases.assembly import StorageUseCases

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from mayfly_storage.domain.audio import AudioName
    from mayfly_storage.domain.links import UploadGrant
    from mayfly_storage.domain.uploads import UploadRequest
    from mayfly_storage.testing.parts import MemoryParts

    Scene = Callable[["Mortal", UploadRequest, Path], Awaitable[AudioName | None]]

LARGE = bytes(range(256)) * 5_000
KEY = "users/u1/recordings/r1/audio.wav"
RECORDING: dict[str, Any] = {
    "collection": "recordings",
    "key_fields": {"recording_id": "r1"},
    "subject": Subject(user_id="u1"),
}


class DeathError(BaseException):
    """The process is dead."""


@dataclass
class Fate:
    """Dies before or after one call to a store, counted from the first; from then on nothing is done any more."""

    at: int
    after: bool
    calls: int = 0
    is_dead: bool = False

    async def __call__(self, call: Callable[[], Awaitable[Any]]) -> Any:
        self.calls += 1
        mine = self.calls == self.at
        if self.is_dead or (mine and not self.after):
            self.is_dead = True
            raise DeathError
        answer = await call()
        if mine:
            self.is_dead = True
            raise DeathError
        return answer


class Doomed:
    """A port whose calls are counted."""

    def __init__(self, port: Any, fate: Fate) -> None:
        self._port, self._fate = port, fate

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        if not callable(found):
            return found

        async def call(*args: Any, **kwargs: Any) -> Any:
            return await self._fate(lambda: found(*args, **kwargs))

        return call


@dataclass
class Mortal:
    """Storage in memory that may die."""

    stage: Stage
    fate: Fate
    storage: StorageUseCases = field(init=False)

    def __post_init__(self) -> None:
        world, fate = self.stage.world, self.fate
        first = world.backend.stores.first
        doomed: Any = replace(first, blobs=Doomed(first.blobs, fate), parts=Doomed(first.parts, fate))
        stores = replace(world.backend.stores, by_location={world.backend.stores.primary: doomed})
        catalog: Any = Doomed(world.backend.catalog, fate)
        self.storage = StorageUseCases.over(
            replace(world, backend=replace(world.backend, catalog=catalog, stores=stores))
        )

    def put(self, grant: UploadGrant) -> list[str]:
        """By the caller, who lives."""
        etags = []
        for part in grant.parts:
            piece = LARGE[part.offset_bytes : part.offset_bytes + part.size_bytes]
            answer = self.stage.memory.links.serve("PUT", part.url, headers=part.headers, body=piece)
            etags.append(answer.headers["etag"])
        return etags


async def by_grant(mortal: Mortal, request: UploadRequest, _: Path) -> AudioName | None:
    audio, grant = await mortal.storage.create_upload(request)
    assert grant is not None
    await mortal.storage.commit_upload(audio.name, grant.attempt, mortal.put(grant))
    return audio.name


async def by_stream(mortal: Mortal, request: UploadRequest, path: Path) -> AudioName | None:
    return (await mortal.storage.store_file(request, path)).name


async def given_up(mortal: Mortal, request: UploadRequest, _: Path) -> AudioName | None:
    audio, grant = await mortal.storage.create_upload(request)
    assert grant is not None
    mortal.put(replace(grant, parts=grant.parts[:2]))
    await mortal.storage.abandon_upload(audio.name, grant.attempt)
    return None


@pytest.mark.parametrize("wish", [{}, RECORDING], ids=["temp-audio", "recordings"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("scene", [by_grant, by_stream, given_up])
async def test_nothing_is_lost_and_nothing_is_left(scene: Scene, wish: Any, tmp_path: Path, *, after: bool) -> None:
    path, at, deaths = tmp_path / "large", 0, 0
    path.write_bytes(LARGE)
    while deaths == at:
        at += 1
        deaths += await lives_and_is_swept(scene, wish, path, Fate(at, after))
    assert deaths > 3


async def lives_and_is_swept(scene: Scene, wish: Any, path: Path, fate: Fate) -> bool:
    """Whether it died."""
    stage = Stage()
    parts: Any = stage.memory.backend.stores.first.parts
    parts.single_put_bytes = 1024**2
    told = None
    with suppress(DeathError):
        told = await scene(Mortal(stage, fate), stage.wish(LARGE, **wish), path)
    for minutes in (36, 13, 2, 60):
        land_late_parts(parts, stage.clock.now() - DAWN)
        stage.clock.advance(timedelta(minutes=minutes))
        await sweep(stage.retention)
        if told is not None:
            assert (await stage.storage.get_audio(told)).state is State.READY
    assert parts.kept == {}
    await delete_all(stage)
    assert await leaks(stage.world.backend, stage.world.collections, claimable=[KEY]) == []
    return fate.is_dead


def land_late_parts(parts: MemoryParts, age: timedelta) -> None:
    """One of each aborted upload was under way, for as long as one can be."""
    if age < timedelta(minutes=50):
        for upload_id in [each for each, upload in parts.aborted.items() if upload.parts]:
            parts.land(upload_id)


async def delete_all(stage: Stage) -> None:
    stored = [row.name for row in stage.memory.catalog.rows.values() if row.state is State.READY]
    if stored:
        await stage.storage.batch_delete_audio(stored, validate_only=False)
    stage.clock.advance(timedelta(hours=1))
    await sweep(stage.retention)
