"""How uploads pay: by a reservation, beyond it, or for themselves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from mayfly_storage.domain.errors import (
    InvalidAudioError,
    QuotaExceededError,
)
from mayfly_storage.domain.quotas import QuotaLimits, SubjectQuotas, Work
from mayfly_storage.domain.uploads import Subject
from mayfly_storage.testing.builders import SOUND
from mayfly_storage.testing.limiting import GUEST, USER, a_stage, asks, limited


async def test_a_reserved_upload_does_not_count_again() -> None:
    stage = limited()
    for _ in range(2):
        token, _ = await stage.storage.reserve_quota(asks(work=Work(characters=50, size_bytes=1_500)))
        await stage.saved(subject=GUEST, text="x" * 99, quota_reservation=token)

    assert [sum(used.values()) for used in stage.memory.catalog.quotas.counters.values()] == [2, 100 + 3_000]


async def test_bytes_beyond_the_reserved_ones_are_counted_by_the_upload() -> None:
    stage = limited()
    token, _ = await stage.storage.reserve_quota(asks(work=Work(size_bytes=100)))

    await stage.saved(subject=GUEST, quota_reservation=token)

    assert stage.memory.catalog.quotas.counters.popitem()[1]["bytes"] == len(SOUND)


async def test_a_reservation_counts_the_object_before_it_is_made() -> None:
    stage = a_stage(SubjectQuotas(guests=QuotaLimits(objects_per_day=2)))
    token, _ = await stage.storage.reserve_quota(asks())
    await stage.saved(subject=GUEST, quota_reservation=token)
    await stage.storage.reserve_quota(asks())

    with pytest.raises(QuotaExceededError) as refused:
        await stage.storage.reserve_quota(asks())

    error = refused.value
    assert (error.quota, error.limit, error.used) == ("objects_per_day", 2, 2)
    assert (error.reset_time, error.retry_after) == ("2026-01-16T00:00:00Z", timedelta(hours=17, minutes=30))
    with pytest.raises(QuotaExceededError):
        await stage.saved(subject=GUEST)


async def test_several_reservations_for_one_upload_count_one_object() -> None:
    stage = a_stage(SubjectQuotas(guests=QuotaLimits(objects_per_day=1)))
    token, _ = await stage.storage.reserve_quota(asks())
    for _ in range(3):
        await stage.storage.reserve_quota(asks(work=Work(characters=500, objects=0)))

    await stage.saved(subject=GUEST, quota_reservation=token)

    assert [dict(used) for used in stage.memory.catalog.quotas.counters.values()] == [{"objects": 1}]


async def test_a_reservation_without_an_object_pays_for_none() -> None:
    stage = a_stage(SubjectQuotas(guests=QuotaLimits(objects_per_day=1)))
    tokens = [(await stage.storage.reserve_quota(asks(work=Work(objects=0))))[0] for _ in range(2)]
    await stage.saved(subject=GUEST, quota_reservation=tokens[0])

    with pytest.raises(QuotaExceededError) as refused:
        await stage.saved(subject=GUEST, quota_reservation=tokens[1])

    assert (refused.value.quota, refused.value.used) == ("objects_per_day", 1)


async def test_bytes_beyond_the_reserved_ones_can_be_too_many() -> None:
    stage = limited()
    token, _ = await stage.storage.reserve_quota(asks())

    with pytest.raises(QuotaExceededError) as refused:
        await stage.saved(b"x" * 3_001, subject=GUEST, quota_reservation=token)

    assert (refused.value.quota, refused.value.used) == ("bytes_per_day", 0)
    assert stage.memory.catalog.rows == {}


async def test_an_upload_without_a_reservation_counts_itself() -> None:
    stage = limited()
    for _ in range(2):
        await stage.saved(subject=GUEST)

    with pytest.raises(QuotaExceededError):
        await stage.saved(subject=GUEST)
    assert len(stage.memory.catalog.rows) == 2


async def test_a_retry_of_an_upload_counts_once() -> None:
    stage = limited()
    wanted = stage.wish(subject=GUEST)

    names = {(await stage.storage.create_upload(wanted))[0].name for _ in range(5)}

    assert len(names) == 1


async def test_audio_of_nobody_is_counted_by_nobody() -> None:
    stage = limited()

    for _ in range(5):
        await stage.saved()

    assert stage.memory.catalog.quotas.counters == {}


async def test_a_reservation_serves_one_upload() -> None:
    stage = limited()
    token, _ = await stage.storage.reserve_quota(asks())
    await stage.saved(subject=GUEST, quota_reservation=token)

    with pytest.raises(InvalidAudioError, match="used by another upload"):
        await stage.saved(subject=GUEST, quota_reservation=token)


async def test_a_lapsed_reservation_is_as_good_as_none() -> None:
    stage = limited()
    token, expire_time = await stage.storage.reserve_quota(asks())
    stage.clock.advance(expire_time - stage.clock.now())

    for _ in range(2):
        await stage.saved(subject=GUEST, quota_reservation=token)
    with pytest.raises(QuotaExceededError):
        await stage.saved(subject=GUEST, quota_reservation=token)


@pytest.mark.parametrize("subject", [USER, Subject(guest_address="203.0.113.8"), None])
async def test_a_reservation_serves_its_own_subject(subject: Subject | None) -> None:
    stage = limited()
    token, _ = await stage.storage.reserve_quota(asks())

    with pytest.raises(InvalidAudioError, match="another subject"):
        await stage.saved(subject=subject, quota_reservation=token)


async def test_a_reservation_stays_good_over_midnight() -> None:
    stage = limited()
    stage.clock.advance(datetime(2026, 1, 15, 23, 59, tzinfo=UTC) - stage.clock.now())
    token, _ = await stage.storage.reserve_quota(asks(work=Work(size_bytes=3_000)))
    stage.clock.advance(timedelta(minutes=2))

    audio = await stage.saved(subject=GUEST, quota_reservation=token)

    assert audio.name.date == "2026-01-16"


async def test_a_token_that_was_tampered_with_is_refused() -> None:
    stage = limited()
    token, _ = await stage.storage.reserve_quota(asks())
    payload, _, seal = token.partition(".")

    for forged in (f"{payload}A.{seal}", f"{payload}.{seal[:-4]}", payload, f"é.{seal}", "."):
        with pytest.raises(InvalidAudioError, match="not a reservation of this storage"):
            await stage.saved(subject=GUEST, quota_reservation=forged)
