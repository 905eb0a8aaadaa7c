"""W3 and D1: the two conditional writes on which safety rests."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from mayfly_storage.domain.audio import Audio, State
from mayfly_storage.domain.errors import StateChangedError
from mayfly_storage.domain.tickets import Tickets

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from mayfly_storage.domain.ports import AudioCatalog
    from mayfly_storage.testing import Subject

HOUR = timedelta(hours=1)
PERSONAL = {"text": "a secret greeting", "owner": "user:u-1", "ip_address": "203.0.113.7"}


async def row_of(catalog: AudioCatalog, audio: Audio) -> Audio | None:
    return (await catalog.get_many([audio.name])).get(audio.name)


async def reserved(subject: Subject, **overrides: object) -> Audio:
    audio = subject.an_audio(**overrides)
    await subject.catalog.reserve(audio, None)
    return audio


async def ready(subject: Subject, **overrides: object) -> Audio:
    audio = await reserved(subject, **overrides)
    return await subject.catalog.make_ready(audio.ready(etag="tag"))


async def test_a_pending_row_becomes_ready_with_the_etag(subject: Subject) -> None:
    audio = await reserved(subject)

    answered = await subject.catalog.make_ready(audio.ready(etag="the-tag"))

    assert answered == audio.ready(etag="the-tag")
    assert await row_of(subject.catalog, audio) == answered


async def test_becoming_ready_changes_nothing_but_state_and_etag(subject: Subject) -> None:
    audio = await reserved(subject, voice="as reserved", text="as reserved")

    answered = await subject.catalog.make_ready(replace(audio, voice="other", text="other").ready(etag="tag"))

    assert answered == audio.ready(etag="tag")


@pytest.mark.parametrize("life", [HOUR, None])
async def test_a_ticket_passes_the_fence_as_the_row_itself_does(subject: Subject, life: timedelta | None) -> None:
    audio = await reserved(subject, expire_time=life and subject.clock.now() + life)
    tickets = Tickets(b"secret")
    ticket = tickets.read(audio.name, tickets.issue(audio))
    assert ticket is not None

    answered = await subject.catalog.make_ready(replace(ticket, etag="tag"))

    assert answered == audio.ready(etag="tag")
    assert await row_of(subject.catalog, audio) == answered
    with pytest.raises(StateChangedError):
        await subject.catalog.make_ready(replace(ticket, attempt="another", etag="tag"))


async def test_becoming_ready_again_answers_the_ready_row(subject: Subject) -> None:
    audio = await reserved(subject)
    first = await subject.catalog.make_ready(audio.ready(etag="tag"))

    assert await subject.catalog.make_ready(audio.ready(etag="tag")) == first


async def test_racing_commits_of_one_attempt_all_succeed(subject: Subject) -> None:
    audio = await reserved(subject)

    answers = await asyncio.gather(*(subject.catalog.make_ready(audio.ready(etag="tag")) for _ in range(16)))

    assert answers == [audio.ready(etag="tag")] * 16


async def test_another_attempt_cannot_commit(subject: Subject) -> None:
    audio = await reserved(subject)

    with pytest.raises(StateChangedError):
        await subject.catalog.make_ready(replace(audio, attempt="another").ready(etag="tag"))

    assert await row_of(subject.catalog, audio) == audio


async def test_another_attempt_does_not_hear_of_success_either(subject: Subject) -> None:
    audio = await ready(subject)

    with pytest.raises(StateChangedError):
        await subject.catalog.make_ready(replace(audio, attempt="another"))


async def test_a_stalled_writer_cannot_commit_after_the_deletion_began(subject: Subject) -> None:
    audio = await reserved(subject)
    [tombstone] = await subject.catalog.begin_delete([audio], subject.clock.now())

    with pytest.raises(StateChangedError):
        await subject.catalog.make_ready(audio.ready(etag="tag"))

    assert await row_of(subject.catalog, audio) == tombstone


async def test_a_stalled_writer_cannot_bring_a_removed_row_back(subject: Subject) -> None:
    audio = await reserved(subject)
    [tombstone] = await subject.catalog.begin_delete([audio], subject.clock.now())
    assert tombstone is not None
    await subject.catalog.remove([tombstone])

    with pytest.raises(StateChangedError):
        await subject.catalog.make_ready(audio.ready(etag="tag"))

    assert await row_of(subject.catalog, audio) is None


@pytest.mark.parametrize("state", [State.PENDING, State.READY])
async def test_deleting_leaves_a_tombstone_with_nothing_personal(subject: Subject, state: State) -> None:
    audio = await (ready if state is State.READY else reserved)(subject, labels={"kept": "yes"}, **PERSONAL)
    now = subject.clock.advance(timedelta(minutes=1))

    [answered] = await subject.catalog.begin_delete([audio], now)

    assert answered == audio.tombstone(now)
    assert await row_of(subject.catalog, audio) == audio.tombstone(now)


@pytest.mark.parametrize(
    "change",
    [{"state": State.PENDING}, {"attempt": "another"}, {"expire_time": None}, {"expire_time": timedelta(hours=1)}],
    ids=["state", "attempt", "kept for ever", "expires later"],
)
async def test_deleting_by_stale_facts_answers_none_and_leaves_the_row(
    subject: Subject, change: dict[str, object]
) -> None:
    audio = await ready(subject)
    if isinstance(later := change.get("expire_time"), timedelta) and audio.expire_time:
        change = {"expire_time": audio.expire_time + later}

    answers = await subject.catalog.begin_delete([replace(audio, **change)], subject.clock.now())  # type: ignore[arg-type]

    assert answers == [None]
    assert await row_of(subject.catalog, audio) == audio


async def test_deleting_a_kept_audio_needs_no_expiry(subject: Subject) -> None:
    audio = await ready(subject, expire_time=None)

    [answered] = await subject.catalog.begin_delete([audio], subject.clock.now())

    assert answered == audio.tombstone(subject.clock.now())


async def test_deleting_a_row_that_is_gone_answers_none_and_makes_no_row(subject: Subject) -> None:
    audio = subject.an_audio()

    assert await subject.catalog.begin_delete([audio], subject.clock.now()) == [None]
    assert await row_of(subject.catalog, audio) is None


async def test_deleting_by_the_facts_before_the_deletion_answers_none(subject: Subject) -> None:
    audio = await ready(subject)
    [tombstone] = await subject.catalog.begin_delete([audio], subject.clock.now())
    later = subject.clock.advance(timedelta(minutes=10))

    assert await subject.catalog.begin_delete([audio], later) == [None]
    assert await row_of(subject.catalog, audio) == tombstone


async def test_each_row_is_deleted_on_its_own_and_answered_in_order(subject: Subject) -> None:
    audios = [await ready(subject) for _ in range(5)]
    given = [replace(audio, attempt="stale") if n % 2 else audio for n, audio in enumerate(audios)]

    answers = await subject.catalog.begin_delete(given, subject.clock.now())

    now = subject.clock.now()
    assert answers == [None if n % 2 else audio.tombstone(now) for n, audio in enumerate(audios)]
    assert await subject.catalog.begin_delete([], now) == []


async def test_a_hundred_rows_are_deleted_in_one_call(subject: Subject) -> None:
    audios = await asyncio.gather(*(reserved(subject, **PERSONAL) for _ in range(100)))
    now = subject.clock.now()

    answers = await subject.catalog.begin_delete(audios, now)

    assert answers == [audio.tombstone(now) for audio in audios]
    assert await subject.catalog.get_many([audio.name for audio in audios]) == {
        audio.name: audio.tombstone(now) for audio in audios
    }


async def test_of_racing_deletions_one_wins(subject: Subject) -> None:
    audio = await ready(subject)
    times = [subject.clock.now() + timedelta(milliseconds=n) for n in range(16)]

    answers = await asyncio.gather(*(subject.catalog.begin_delete([audio], time) for time in times))

    winners = [answer for [answer] in answers if answer is not None]
    assert winners == [await row_of(subject.catalog, audio)]


async def test_commit_and_deletion_racing_for_a_row_never_both_win(subject: Subject) -> None:
    audios = await asyncio.gather(*(reserved(subject) for _ in range(32)))
    now = subject.clock.now()

    async def race(audio: Audio, *, commit_first: bool) -> str:
        commit: Awaitable[object] = subject.catalog.make_ready(audio.ready(etag="tag"))
        deletion: Awaitable[object] = subject.catalog.begin_delete([audio], now)
        order = (commit, deletion) if commit_first else (deletion, commit)
        outcomes = await asyncio.gather(*order, return_exceptions=True)
        return _winner(*(outcomes if commit_first else reversed(outcomes)))

    winners = await asyncio.gather(*(race(audio, commit_first=n % 2 == 0) for n, audio in enumerate(audios)))

    rows = await subject.catalog.get_many([audio.name for audio in audios])
    assert [rows[audio.name].state for audio in audios] == [State(winner) for winner in winners]


def _winner(commit: object, deletion: object) -> str:
    """Which one won; fails if both or neither did."""
    if isinstance(commit, Audio):
        assert (commit.state, deletion) == (State.READY, [None])
        return "READY"
    assert isinstance(commit, StateChangedError)
    assert isinstance(deletion, list)
    assert isinstance(deletion[0], Audio)
    return "DELETING"


async def test_racing_sweepers_and_writers_leave_no_row_between_states(subject: Subject) -> None:
    audio = await reserved(subject)
    now = subject.clock.now()

    outcomes = await asyncio.gather(
        *(subject.catalog.make_ready(audio.ready(etag="tag")) for _ in range(8)),
        *(subject.catalog.begin_delete([audio], now) for _ in range(8)),
        return_exceptions=True,
    )

    row = await row_of(subject.catalog, audio)
    commits = Counter(type(outcome) for outcome in outcomes[:8])
    assert row in (audio.ready(etag="tag"), audio.tombstone(now))
    assert commits in ({Audio: 8}, {StateChangedError: 8})
