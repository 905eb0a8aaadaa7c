"""R21: each call to AWS in turn is carried out and not answered. Nothing is doubled; nothing fails that was done."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx
import pytest

from mayfly_storage.collections_file import read_collections
from mayfly_storage.domain.audio import State
from mayfly_storage.domain.ports import Shard
from mayfly_storage.domain.privacy import Privacy
from mayfly_storage.domain.quotas import QuotaRequest, Work
from mayfly_storage.domain.timing import Timing
from mayfly_storage.domain.uploads import NewAudio, Subject, UploadRequest
from mayfly_storage.testing import SOUND
from mayfly_storage.testing.sweeping import all_objects, all_rows
from mayfly_storage.usecases.assembly import RetentionUseCases, StorageUseCases, World

if TYPE_CHECKING:
    import random
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from mayfly_runtime.testing import FakeClock
    from mayfly_storage.backends.aws.testing import Wire
    from mayfly_storage.domain.audio import Audio
    from mayfly_storage.domain.stores import Backend

    Act = Callable[[], Awaitable[None]]
    Scene = Callable[["Desk"], Awaitable[Act]]

GUEST = Subject(guest_address="203.0.113.7")
USER = Subject(user_id="u1")


@dataclass
class Desk:
    """Storage on an emulated AWS, and what its callers do there."""

    world: World
    folder: Path
    wire: Wire
    clock: FakeClock
    storage: StorageUseCases = field(init=False)
    retention: RetentionUseCases = field(init=False)

    def __post_init__(self) -> None:
        self.storage = StorageUseCases.over(self.world)
        self.retention = RetentionUseCases.over(self.world)

    def wish(self, *, chosen: bool = False, **changes: Any) -> UploadRequest:
        """A guest's speech, or a user's recording at a key of the user's choice."""
        facts: dict[str, Any] = {"collection": "temp-audio", "subject": GUEST}
        if chosen:
            facts = {"collection": "recordings", "subject": USER, "key_fields": {"recording_id": uuid4().hex}}
        return UploadRequest(
            caller="synth",
            request_id=str(uuid4()),
            audio=NewAudio(**{"content_type": "audio/wav", "ttl": timedelta(hours=1), **facts}),
            size_bytes=len(SOUND),
            sha256=hashlib.sha256(SOUND).digest(),
            **changes,
        )

    def body(self) -> Path:
        path = self.folder / uuid4().hex
        path.write_bytes(SOUND)
        return path

    async def saved(self, *, chosen: bool = False) -> Audio:
        return await self.storage.store_file(self.wish(chosen=chosen), self.body())

    async def put(self, *, chosen: bool = False) -> tuple[Audio, str]:
        """Reserved, and put through the grant by its caller; the attempt."""
        audio, grant = await self.storage.create_upload(self.wish(chosen=chosen))
        assert grant is not None
        async with httpx.AsyncClient(timeout=60) as http:
            answer = await http.put(grant.url, headers=grant.headers, content=SOUND)
        assert answer.status_code == 200
        return audio, grant.attempt

    async def states(self) -> list[State]:
        return [row.state for row in await all_rows(self.world.backend.catalog)]

    async def objects(self) -> int:
        return len(await all_objects(self.world.backend, self.world.collections))


@pytest.fixture
def desk(backend: Backend, clock: FakeClock, wire: Wire, tmp_path: Path) -> Desk:
    world = World(
        backend=backend,
        collections=read_collections(),
        privacy=Privacy(secret=b"a secret of the tests, and long enough"),
        timing=Timing(),
        now=clock.now,
        new_id=uuid4,
        new_attempt=lambda: uuid4().hex,
    )
    return Desk(world, tmp_path, wire, clock)


async def save_a_stream(desk: Desk) -> Act:
    return lambda: _expect_ready(desk, desk.storage.store_file(desk.wish(), desk.body()))


async def save_a_stream_at_a_chosen_key(desk: Desk) -> Act:
    return lambda: _expect_ready(desk, desk.storage.store_file(desk.wish(chosen=True), desk.body()))


async def save_with_a_reservation(desk: Desk) -> Act:
    token, _ = await desk.storage.reserve_quota(_work(desk))
    return lambda: _expect_ready(desk, desk.storage.store_file(desk.wish(quota_reservation=token), desk.body()))


async def save_through_a_grant(desk: Desk) -> Act:
    async def act() -> None:
        audio, attempt = await desk.put(chosen=True)
        await _expect_ready(desk, desk.storage.commit_upload(audio.name, attempt))

    return act


async def commit_by_the_row(desk: Desk) -> Act:
    audio, attempt = await desk.put()
    return lambda: _expect_ready(desk, desk.storage.commit_upload(audio.name, attempt.partition("~")[0]))


async def retry_an_abandoned_upload(desk: Desk) -> Act:
    wish = desk.wish()
    audio, grant = await desk.storage.create_upload(wish)
    assert grant is not None
    await desk.storage.abandon_upload(audio.name, grant.attempt)

    async def act() -> None:
        again = await desk.storage.store_file(wish, desk.body())
        assert (again.state, again.name != audio.name) == (State.READY, True)
        assert sorted(await desk.states()) == [State.DELETING, State.READY]
        assert await desk.objects() == 1

    return act


async def abandon(desk: Desk) -> Act:
    audio, attempt = await desk.put(chosen=True)

    async def act() -> None:
        await desk.storage.abandon_upload(audio.name, attempt)
        assert (await desk.states(), await desk.objects()) == ([State.DELETING], 0)

    return act


async def delete(desk: Desk) -> Act:
    audio = await desk.saved()

    async def act() -> None:
        assert await desk.storage.delete_audio(audio.name) is True
        assert (await desk.states(), await desk.objects()) == ([State.DELETING], 0)

    return act


async def delete_at_a_chosen_key(desk: Desk) -> Act:
    audio = await desk.saved(chosen=True)

    async def act() -> None:
        assert await desk.storage.batch_delete_audio([audio.name]) == {audio.name: True}
        assert (await desk.states(), await desk.objects()) == ([State.DELETING], 0)

    return act


async def forget_a_person(desk: Desk) -> Act:
    audio = await desk.saved(chosen=True)

    async def act() -> None:
        forgotten = await desk.storage.forget_subject(USER)
        assert (list(forgotten.deleted), forgotten.remaining) == ([audio.name], 0)

    return act


async def retain(desk: Desk) -> Act:
    audio = await desk.saved()
    return lambda: _expect_kept(desk, audio)


async def retain_at_a_chosen_key(desk: Desk) -> Act:
    audio = await desk.saved(chosen=True)
    return lambda: _expect_kept(desk, audio)


async def reserve_quota(desk: Desk) -> Act:
    async def act() -> None:
        asked = _work(desk)
        first = await desk.storage.reserve_quota(asked)
        assert await desk.storage.reserve_quota(asked) == first

    return act


async def purge_what_expired(desk: Desk) -> Act:
    await desk.saved()
    await desk.saved(chosen=True)
    desk.clock.advance(timedelta(hours=2))

    async def act() -> None:
        page = await desk.retention.list_expired(collection="", before=None, shard=Shard(), limit=10, cursor="")
        results = await desk.retention.purge_audio(page.items)
        assert [result.outcome.value for result in results] == ["DELETED", "DELETED"]
        assert (await desk.states(), await desk.objects()) == ([], 0)

    return act


async def read(desk: Desk) -> Act:
    audio = await desk.saved()

    async def act() -> None:
        found = await desk.storage.get_audio(audio.name)
        chunks = [chunk async for chunk in desk.storage.read_audio(found, offset=0, limit=0)]
        links = await desk.storage.sign_urls([audio.name], ttl=None, attachment=False)
        assert (found.name, b"".join(chunks), len(links)) == (audio.name, SOUND, 1)

    return act


SCENES = [
    *(save_a_stream, save_a_stream_at_a_chosen_key, save_with_a_reservation, save_through_a_grant, commit_by_the_row),
    *(retry_an_abandoned_upload, abandon, delete, delete_at_a_chosen_key, forget_a_person, retain),
    *(retain_at_a_chosen_key, reserve_quota, purge_what_expired, read),
]


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
async def test_no_lost_answer_doubles_or_fails_anything(
    desk: Desk, scene: Scene, chance: random.Random, cases: Callable[[int], range]
) -> None:
    """Two of the scene's calls; all of them in the thorough run."""
    calls = await calls_of(desk, scene)
    assert calls
    for place in chance.sample(range(len(calls)), min(len(calls), len(cases(2)))):
        operation = calls[place]
        await clear(desk)
        act = await scene(desk)
        desk.wire.forget()
        before = calls[:place].count(operation)
        desk.wire.stand_in(operation, lambda _: None, times=before)
        desk.wire.lose_answer(operation)

        await act()

        assert desk.wire.counts[operation] > before, f"{operation} was not called again"


async def calls_of(desk: Desk, scene: Scene) -> list[str]:
    """The calls of a scene in which nothing goes wrong, in order."""
    act = await scene(desk)
    desk.wire.forget()
    await act()
    return [operation for operation, _ in desk.wire.sent]


async def clear(desk: Desk) -> None:
    """Begin with nothing, so that what is there afterwards can be counted."""
    rows = await all_rows(desk.world.backend.catalog)
    await desk.world.erase(rows)
    left = [replace(row, state=State.DELETING) for row in await all_rows(desk.world.backend.catalog)]
    await desk.world.backend.catalog.remove(left)


async def _expect_ready(desk: Desk, saving: Awaitable[Audio]) -> None:
    audio = await saving
    assert audio.state is State.READY
    assert (await desk.states(), await desk.objects()) == ([State.READY], 1)


async def _expect_kept(desk: Desk, audio: Audio) -> None:
    assert audio.expire_time is not None
    end = audio.expire_time + timedelta(hours=2)
    kept = await desk.storage.retain_audio(audio.name, expire_time=end, ttl=None)
    assert kept == replace(audio, expire_time=end)
    assert await desk.storage.get_audio(audio.name) == kept


def _work(desk: Desk) -> QuotaRequest:
    return QuotaRequest(
        caller="synth",
        request_id=str(uuid4()),
        subject=GUEST,
        collection="temp-audio",
        work=Work(characters=10, size_bytes=100),
    )
