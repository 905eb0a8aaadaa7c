"""RetainAudio: an end moves, but never past what the collection allows."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from mayfly_storage.domain.collections import LONGEST_LIFE, Collections
from mayfly_storage.domain.errors import AudioNotFoundError, BackendUnavailableError, InvalidAudioError
from mayfly_storage.domain.retention import DueItem, PurgeOutcome

if TYPE_CHECKING:
    from mayfly_storage.domain.audio import Audio
    from mayfly_storage.testing.stage import Stage

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
KEPT: dict[str, Any] = {"collection": "pitches", "key_fields": {"pitch_id": "p1"}}


async def retain(stage: Stage, audio: Audio, ttl: timedelta) -> Audio:
    return await stage.storage.retain_audio(audio.name, expire_time=None, ttl=ttl)


@pytest.mark.parametrize("ttl", [timedelta(seconds=1), HOUR, 20 * HOUR])
async def test_a_life_within_the_limit_is_granted_as_it_is_asked(stage: Stage, ttl: timedelta) -> None:
    audio = await stage.saved(ttl=10 * HOUR)

    kept = await retain(stage, audio, ttl)

    assert kept.expire_time == stage.clock.now() + ttl
    assert stage.row(audio) == kept


@pytest.mark.parametrize(
    ("ttl", "event"), [(timedelta(minutes=30), "cleanup.scheduled"), (2 * HOUR, "audio.kept_longer"), (HOUR, None)]
)
async def test_what_a_move_means_is_logged(
    stage: Stage, caplog: pytest.LogCaptureFixture, ttl: timedelta, event: str | None
) -> None:
    caplog.set_level("INFO")
    audio = await stage.saved(ttl=HOUR, text="hello")

    await retain(stage, audio, ttl)

    told = [record for record in caplog.records if record.name == "mayfly_storage.usecases.retaining"]
    assert [record.getMessage() for record in told] == ([event] if event else [])
    assert all(vars(record)["audio_name"] == str(audio.name) and "hello" not in str(vars(record)) for record in told)


async def test_an_absolute_end_is_granted_as_it_is_asked(stage: Stage) -> None:
    audio, end = await stage.saved(ttl=HOUR), stage.clock.now() + 3 * HOUR

    kept = await stage.storage.retain_audio(audio.name, expire_time=end, ttl=None)

    assert kept.expire_time == end


async def test_no_number_of_moves_gets_past_the_limit_that_counts_from_the_creation(stage: Stage) -> None:
    audio = await stage.saved(ttl=HOUR)

    for _ in range(25):
        audio = await retain(stage, audio, DAY)
        stage.clock.advance(timedelta(minutes=50))

    assert audio.expire_time == audio.create_time + DAY


async def test_what_is_kept_until_deleted_gets_an_end_and_can_be_kept_on_for_a_century(stage: Stage) -> None:
    audio = await stage.saved(**KEPT)
    assert audio.expire_time is None

    soon = await retain(stage, audio, DAY)
    later = await retain(stage, audio, 1_000 * LONGEST_LIFE // 999)

    assert soon.expire_time == audio.create_time + DAY
    assert later.expire_time == audio.create_time + LONGEST_LIFE


@pytest.mark.parametrize("gone", ["expired", "pending", "deleted", "never"])
async def test_what_is_not_readable_is_not_brought_back(stage: Stage, gone: str) -> None:
    audio = await (stage.put() if gone == "pending" else stage.saved(ttl=HOUR))
    if gone == "expired":
        stage.clock.advance(HOUR)
    if gone == "deleted":
        await stage.storage.delete_audio(audio.name)
    if gone == "never":
        stage.memory.catalog.rows.clear()

    with pytest.raises(AudioNotFoundError):
        await retain(stage, audio, HOUR)


@pytest.mark.parametrize("end", [datetime(2026, 1, 15, 6, 30, tzinfo=UTC), datetime(2000, 1, 1, tzinfo=UTC)])
async def test_an_end_that_is_past_is_refused(stage: Stage, end: datetime) -> None:
    audio = await stage.saved()

    with pytest.raises(InvalidAudioError, match="expire_time: must be in the future"):
        await stage.storage.retain_audio(audio.name, expire_time=end, ttl=None)


async def test_asking_for_the_same_end_again_writes_nothing(stage: Stage) -> None:
    audio = await stage.saved(ttl=HOUR)
    kept = await retain(stage, audio, 2 * HOUR)
    stage.catalog.instead["retain"] = unexpected

    assert await retain(stage, audio, 2 * HOUR) == kept


async def unexpected(*_: object) -> None:
    raise AssertionError("nothing had to be written")


async def test_a_move_by_another_in_the_moment_between_is_seen(stage: Stage) -> None:
    audio = await stage.saved(ttl=HOUR)

    async def another() -> None:
        stage.memory.catalog.rows[audio.name] = replace(audio, expire_time=stage.clock.now() + 2 * HOUR)

    stage.catalog.before["retain"] = another

    assert (await retain(stage, audio, 3 * HOUR)).expire_time == stage.clock.now() + 3 * HOUR


async def test_a_deletion_in_the_moment_between_wins(stage: Stage) -> None:
    audio = await stage.saved()

    async def delete() -> None:
        await stage.storage.delete_audio(audio.name)

    stage.catalog.before["retain"] = delete

    with pytest.raises(AudioNotFoundError):
        await retain(stage, audio, HOUR)
    assert not stage.lies(audio)


async def test_one_that_changes_all_the_time_is_given_up(stage: Stage) -> None:
    audio = await stage.saved(ttl=HOUR)

    async def restless() -> None:
        row = stage.row(audio)
        assert row is not None
        assert row.expire_time is not None
        stage.memory.catalog.rows[audio.name] = replace(row, expire_time=row.expire_time + timedelta(seconds=1))
        stage.catalog.before["retain"] = restless

    stage.catalog.before["retain"] = restless

    with pytest.raises(BackendUnavailableError):
        await retain(stage, audio, 3 * HOUR)


async def test_a_sweep_that_listed_the_audio_before_leaves_it(stage: Stage) -> None:
    longer, shorter = await stage.saved(ttl=HOUR), await stage.saved(ttl=5 * HOUR)
    listed = [DueItem.of_row(audio, stage.timing) for audio in (longer, shorter)]
    await retain(stage, longer, 3 * HOUR)
    await retain(stage, shorter, HOUR)
    stage.clock.advance(2 * HOUR)

    results = await stage.retention.purge_audio(listed)

    assert [result.outcome for result in results] == [PurgeOutcome.SKIPPED, PurgeOutcome.DELETED]
    assert [stage.lies(longer), stage.lies(shorter)] == [True, False]


async def test_a_move_between_a_sweeps_look_and_its_deletion_saves_the_audio(stage: Stage) -> None:
    audio = await stage.saved(ttl=HOUR)
    item = DueItem.of_row(audio, stage.timing)
    begun = stage.clock.now()
    row = replace(audio, expire_time=begun + 3 * HOUR)
    stage.clock.advance(HOUR)

    async def moved_in_time_by_a_replica() -> None:
        await stage.memory.catalog.retain(audio, row.expire_time or begun)

    stage.catalog.before["begin_delete"] = moved_in_time_by_a_replica
    [result] = await stage.retention.purge_audio([item])

    assert result.outcome is PurgeOutcome.SKIPPED
    assert stage.row(audio) == row
    assert stage.lies(audio)


async def test_a_deletion_by_name_takes_what_was_moved_in_the_moment_between(stage: Stage) -> None:
    audio = await stage.saved(ttl=HOUR)

    async def move() -> None:
        await stage.memory.catalog.retain(audio, stage.clock.now() + 2 * HOUR)

    stage.catalog.before["begin_delete"] = move

    assert await stage.storage.delete_audio(audio.name)
    assert not stage.lies(audio)


@pytest.mark.parametrize("lifetime", [HOUR, None])
async def test_a_stricter_configuration_grants_no_more_and_takes_nothing_away(
    stage: Stage, lifetime: timedelta | None
) -> None:
    audio = await stage.saved(ttl=10 * HOUR)
    stage.clock.advance(2 * HOUR)
    known = dict(stage.world.collections.by_id)
    temp = known.pop("temp-audio")
    stricter = Collections(known | ({"temp-audio": replace(temp, lifetime=lifetime)} if lifetime else {}))
    retain_audio = replace(stage.storage.retain_audio, collections=stricter)

    more = await retain_audio(audio.name, expire_time=None, ttl=20 * HOUR)
    less = await retain_audio(audio.name, expire_time=None, ttl=3 * HOUR)

    assert more == audio
    assert less.expire_time == stage.clock.now() + 3 * HOUR


async def test_a_link_signed_after_a_move_ends_with_the_new_end(stage: Stage) -> None:
    audio = await stage.saved()
    kept = await retain(stage, audio, HOUR)

    signed = (await stage.storage.sign_urls([audio.name], ttl=None, attachment=False))[audio.name]

    assert signed.expire_time == kept.expire_time  # type: ignore[union-attr] # it is readable
