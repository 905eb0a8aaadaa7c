"""R21: each call to AWS in turn is carried out and not answered. Nothing is doubled; nothing fails that was done."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from mayfly_storage.domain.audio import State
from mayfly_storage.domain.quotas import QuotaRequest, Work
from mayfly_storage.testing import SOUND
from mayfly_storage.testing.desk import GUEST, USER, Desk
from mayfly_storage.testing.sweeping import all_rows
from mayfly_storage.testing.worlds import a_world

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


@pytest.fixture
def desk(backend: Backend, clock: FakeClock, wire: Wire, tmp_path: Path) -> Desk:
    world = a_world(backend, clock.now)
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
        assert await desk.purged() == ["DELETED", "DELETED"]
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


SENT_ONCE = {(purge_what_expired, "DeleteObject")}
"""Under a lease nothing is sent twice; see below."""


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
async def test_no_lost_answer_doubles_or_fails_anything(
    desk: Desk, scene: Scene, chance: random.Random, cases: Callable[[int], range]
) -> None:
    """Two of the scene's calls; all of them in the thorough run."""
    calls = await calls_of(desk, scene)
    places = [place for place, operation in enumerate(calls) if (scene, operation) not in SENT_ONCE]
    assert places
    for place in chance.sample(places, min(len(places), len(cases(2)))):
        operation = calls[place]
        await clear(desk)
        act = await scene(desk)
        desk.wire.forget()
        before = calls[:place].count(operation)
        desk.wire.stand_in(operation, lambda _: None, times=before)
        desk.wire.lose_answer(operation)

        await act()

        assert desk.wire.counts[operation] > before, f"{operation} was not called again"


async def test_a_delete_under_a_lease_whose_answer_is_lost_is_left_to_the_next_sweep(desk: Desk) -> None:
    """The first of two tries could land last, on the next owner's audio: it is not sent again under this lease."""
    await desk.saved(chosen=True)
    desk.clock.advance(timedelta(hours=2))
    desk.wire.forget()
    desk.wire.lose_answer("DeleteObject")

    first, left = await desk.purged(), await desk.states()
    sent = desk.wire.counts["DeleteObject"]
    desk.clock.advance(desk.world.timing.erase_time + desk.world.timing.clock_allowance)

    assert (first, left, sent) == (["FAILED"], [State.DELETING], 1)
    assert await desk.purged() == ["DELETED"]
    assert (await desk.states(), await desk.objects()) == ([], 0)


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
