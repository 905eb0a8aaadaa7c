"""Tickets: a commit by one spares the read of the row, and is never worth more than the row itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mayfly_storage.domain.audio import Location, State
from mayfly_storage.domain.errors import (
    AudioNotFoundError,
    ContentMismatchError,
    LifetimeOverError,
    UploadFencedError,
    UploadIncompleteError,
)
from mayfly_storage.domain.tickets import Tickets, attempt_of
from mayfly_storage.testing import an_audio
from mayfly_storage.transport.requests import _MAX_ATTEMPT_LENGTH

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from mayfly_storage.domain.audio import Audio
    from mayfly_storage.testing.stage import Stage

OURS = Tickets(b"a secret that is long enough for it")
THEIRS = Tickets(b"another secret that is long enough!")

audios = st.builds(
    an_audio,
    object_key=st.text(min_size=1, max_size=200),
    size_bytes=st.integers(min_value=1, max_value=2**62),
    sha256=st.binary(min_size=32, max_size=32),
    attempt=st.from_regex("[0-9a-f]{32}", fullmatch=True),
    location=st.sampled_from(Location),
    expire_time=st.none() | st.datetimes(timezones=st.just(UTC), min_value=datetime(2026, 1, 1)),  # noqa: DTZ001 - the strategy adds it
)


@given(audio=audios)
def test_a_ticket_tells_what_the_row_says(audio: Audio) -> None:
    ticket = OURS.read(audio.name, OURS.issue(audio))

    assert ticket is not None
    facts = ("name", "attempt", "location", "object_key", "size_bytes", "sha256", "expire_time", "etag")
    assert [getattr(ticket, fact) for fact in facts] == [getattr(audio, fact) for fact in facts]


@given(audio=audios, position=st.integers(min_value=0), letter=st.sampled_from("aZ09-_~"))
def test_a_ticket_with_another_letter_is_none(audio: Audio, position: int, letter: str) -> None:
    text = OURS.issue(audio)
    place = position % len(text)
    changed = text[:place] + letter + text[place + 1 :]

    assert OURS.read(audio.name, changed) is None or changed == text


@pytest.mark.parametrize("text", ["", "a", "~", "~~", "a~b", "a~b~c", "ü~ü~ü", "a~~"])
def test_what_is_no_ticket_is_none(text: str) -> None:
    assert OURS.read(an_audio().name, text) is None


def test_a_ticket_is_for_one_name_and_one_secret() -> None:
    audio, other = an_audio(), an_audio()

    assert OURS.read(other.name, OURS.issue(audio)) is None
    assert OURS.read(audio.name, THEIRS.issue(audio)) is None
    assert attempt_of(THEIRS.issue(audio)) == audio.attempt


def test_the_longest_ticket_is_taken_as_an_attempt() -> None:
    audio = an_audio(object_key="\N{SPEAKER}" * 256, size_bytes=2**62, attempt="a" * 32)

    assert len(OURS.issue(audio)) < _MAX_ATTEMPT_LENGTH


def test_the_secret_is_not_shown_by_accident() -> None:
    assert "secret" not in repr(OURS)


def ticket_of(stage: Stage, audio: Audio) -> str:
    return stage.world.tickets.issue(audio)


async def test_the_grant_carries_the_ticket(stage: Stage) -> None:
    audio, grant = await stage.storage.create_upload(stage.wish())

    assert grant is not None
    assert grant.attempt == ticket_of(stage, audio)


def no_reading(*_: Any) -> Awaitable[Any]:
    raise AssertionError("the row was read")


async def test_a_commit_with_a_ticket_does_not_read_the_row(stage: Stage) -> None:
    audio = await stage.put()
    stage.catalog.instead["get_many"] = no_reading

    ready = await stage.storage.commit_upload(audio.name, ticket_of(stage, audio))

    assert (ready.state, ready) == (State.READY, stage.row(audio))


@pytest.mark.parametrize("attempt", [lambda audio: audio.attempt, THEIRS.issue], ids=["bare", "old secret"])
async def test_an_attempt_without_a_ticket_of_ours_commits_by_the_row(
    stage: Stage, attempt: Callable[[Audio], str]
) -> None:
    audio = await stage.put()

    assert (await stage.storage.commit_upload(audio.name, attempt(audio))).state is State.READY


async def test_a_commit_with_a_ticket_may_be_repeated(stage: Stage) -> None:
    audio = await stage.put()
    first = await stage.storage.commit_upload(audio.name, ticket_of(stage, audio))

    assert await stage.storage.commit_upload(audio.name, ticket_of(stage, audio)) == first


async def test_a_ticket_before_the_put_finds_nothing_and_leaves_the_row(stage: Stage) -> None:
    audio = await stage.reserved()

    with pytest.raises(UploadIncompleteError):
        await stage.storage.commit_upload(audio.name, ticket_of(stage, audio))

    assert stage.row(audio) == audio


async def test_a_ticket_does_not_make_other_bytes_ready_and_they_are_deleted(stage: Stage) -> None:
    audio = await stage.put()
    found = stage.memory.blobs.objects[audio.object_key]
    stage.memory.blobs.objects[audio.object_key] = replace(found, blob=replace(found.blob, sha256=b"x" * 32))

    with pytest.raises(ContentMismatchError):
        await stage.storage.commit_upload(audio.name, ticket_of(stage, audio))

    assert not stage.lies(audio)


async def test_a_ticket_of_another_attempt_is_fenced(stage: Stage) -> None:
    audio = await stage.put()
    found = stage.memory.blobs.objects[audio.object_key]
    stage.memory.blobs.objects[audio.object_key] = replace(found, blob=replace(found.blob, attempt=None))

    with pytest.raises(UploadFencedError):
        await stage.storage.commit_upload(audio.name, ticket_of(stage, replace(audio, attempt="another")))


async def test_a_delete_that_wins_against_a_ticket_fences_it(stage: Stage) -> None:
    audio = await stage.put()

    async def delete() -> None:
        await stage.storage.delete_audio(audio.name)

    stage.catalog.before["make_ready"] = delete

    with pytest.raises(UploadFencedError):
        await stage.storage.commit_upload(audio.name, ticket_of(stage, audio))


@pytest.mark.parametrize("swept", [False, True], ids=["before-the-sweep", "after-it"])
async def test_a_ticket_after_the_expiry_acknowledges_nothing(stage: Stage, *, swept: bool) -> None:
    audio = await stage.put(ttl=timedelta(seconds=30))
    stage.clock.advance(30)
    if swept:
        await stage.storage.delete_audio(audio.name)

    with pytest.raises(LifetimeOverError):
        await stage.storage.commit_upload(audio.name, ticket_of(stage, audio))


async def test_a_ticket_for_a_row_that_is_gone_finds_nothing(stage: Stage) -> None:
    never = an_audio(location=stage.memory.backend.stores.primary)

    with pytest.raises(AudioNotFoundError):
        await stage.storage.commit_upload(never.name, ticket_of(stage, never))


async def test_an_upload_is_abandoned_by_its_ticket(stage: Stage) -> None:
    audio = await stage.put()

    await stage.storage.abandon_upload(audio.name, ticket_of(stage, audio))

    assert not stage.lies(audio)
