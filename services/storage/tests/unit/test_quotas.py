"""ReserveQuota: what is counted, refused and told, over the ports in memory."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from mayfly_storage.collections_file import read_collections
from mayfly_storage.domain.collections import Collections
from mayfly_storage.domain.errors import (
    CollectionForbiddenError,
    CollectionUnknownError,
    IdempotencyKeyReusedError,
    QuotaExceededError,
)
from mayfly_storage.domain.quotas import GuestBudget, QuotaLimits, SubjectQuotas, Work
from mayfly_storage.domain.uploads import Subject
from mayfly_storage.testing.limiting import LIMITS, USER, a_stage, asks, limited


async def test_a_refusal_says_which_quota_how_much_and_until_when() -> None:
    stage = limited()
    for _ in range(2):
        await stage.storage.reserve_quota(asks())
    stage.clock.advance(timedelta(seconds=43))

    with pytest.raises(QuotaExceededError) as refused:
        await stage.storage.reserve_quota(asks())

    error = refused.value
    assert (error.quota, error.limit, error.used) == ("requests_per_minute", 2, 2)
    assert (error.reset_time, error.retry_after) == ("2026-01-15T06:31:00Z", timedelta(seconds=17))
    assert "203.0.113.7" not in str(error)


async def test_of_two_quotas_the_one_that_is_reset_last_is_told() -> None:
    stage = limited()
    for _ in range(2):
        await stage.storage.reserve_quota(asks(work=Work(characters=50)))

    with pytest.raises(QuotaExceededError) as refused:
        await stage.storage.reserve_quota(asks(work=Work(characters=1)))

    assert (refused.value.quota, refused.value.reset_time) == ("characters_per_day", "2026-01-16T00:00:00Z")


async def test_guests_and_users_have_quotas_of_their_own() -> None:
    stage = limited()
    for _ in range(5):
        await stage.storage.reserve_quota(asks(USER))

    for address in ("203.0.113.7", "203.0.113.8"):
        for _ in range(2):
            await stage.storage.reserve_quota(asks(Subject(guest_address=address)))
        with pytest.raises(QuotaExceededError) as refused:
            await stage.storage.reserve_quota(asks(Subject(guest_address=address)))
        assert (refused.value.quota, refused.value.used) == ("requests_per_minute", 2)


async def test_users_are_counted_by_their_name() -> None:
    stage = a_stage(SubjectQuotas(users=QuotaLimits(requests_per_minute=1)))
    await stage.storage.reserve_quota(asks(USER))
    await stage.storage.reserve_quota(asks(Subject(user_id="u2")))

    with pytest.raises(QuotaExceededError):
        await stage.storage.reserve_quota(asks(USER))


async def test_where_nothing_has_a_limit_nothing_is_written() -> None:
    stage = limited()

    token, _ = await stage.storage.reserve_quota(asks(USER))
    await stage.saved(subject=USER, quota_reservation=token)

    assert (stage.memory.catalog.quotas.counters, stage.memory.catalog.quotas.reservations) == ({}, {})


async def test_no_counter_names_a_person() -> None:
    stage = a_stage(SubjectQuotas(guests=LIMITS, users=LIMITS))
    await stage.storage.reserve_quota(asks())
    await stage.storage.reserve_quota(asks(USER))

    kept = str((stage.memory.catalog.quotas.counters, stage.memory.catalog.quotas.reservations))
    assert "203.0.113.7" not in kept
    assert "u1" not in kept.replace("used", "")


async def test_a_retry_counts_once_and_gets_the_same_token() -> None:
    stage = limited()
    wanted = asks(work=Work(characters=100))

    answers = []
    for _ in range(3):
        answers.append(await stage.storage.reserve_quota(wanted))
        stage.clock.advance(timedelta(seconds=1))

    assert answers[0] == answers[1] == answers[2]


async def test_a_request_id_is_not_taken_for_other_work() -> None:
    stage = limited()
    wanted = asks()
    await stage.storage.reserve_quota(wanted)

    for other in (replace(wanted, work=Work(characters=1)), replace(wanted, subject=Subject(guest_address="::1"))):
        with pytest.raises(IdempotencyKeyReusedError):
            await stage.storage.reserve_quota(other)


async def test_who_may_not_write_need_not_reserve() -> None:
    stage = a_stage(SubjectQuotas(guests=LIMITS), writers=("synth",))

    with pytest.raises(CollectionForbiddenError):
        await stage.storage.reserve_quota(asks(caller="gateway"))
    with pytest.raises(CollectionUnknownError):
        await stage.storage.reserve_quota(asks(collection="nowhere"))


async def test_many_addresses_together_stay_within_the_guests_budget() -> None:
    budget = GuestBudget(limits=QuotaLimits(requests_per_minute=10))
    stage = a_stage(SubjectQuotas(guests=LIMITS), budget=budget)
    outcomes = []
    for number in range(50):
        try:
            await stage.storage.reserve_quota(asks(Subject(guest_address=f"203.0.113.{number}")))
        except QuotaExceededError as refused:
            outcomes.append((refused.quota, refused.limit, refused.used))

    assert outcomes == [("guests_requests_per_minute", 10, 10)] * 40
    await stage.storage.reserve_quota(asks(USER))


async def test_parts_of_the_guests_budget_together_never_pass_it() -> None:
    budget = GuestBudget(limits=QuotaLimits(requests_per_minute=11), parts=4)
    stage = a_stage(SubjectQuotas(), budget=budget)
    admitted = 0
    for number in range(200):
        try:
            await stage.storage.reserve_quota(asks(Subject(guest_address=f"203.0.113.{number}")))
        except QuotaExceededError:
            continue
        admitted += 1

    assert admitted == 8


def test_a_budget_is_not_divided_into_nothing() -> None:
    with pytest.raises(ValueError, match="must not be more than any"):
        GuestBudget(limits=QuotaLimits(requests_per_minute=3, bytes_per_day=10**9), parts=4)


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ({}, "guests, users or both"),
        ({"guest": {"requests_per_minute": 1}}, "guests, users or both"),
        ({"guests": {}}, "quota.guests must be a table with some of requests_per_minute"),
        ({"guests": 5}, "quota.guests must be a table"),
        ({"users": {"requests_per_hour": 1}}, "quota.users must be a table"),
        ({"users": {"bytes_per_day": 0}}, "quota.users.bytes_per_day must be a whole number above 0, not 0"),
        ({"users": {"bytes_per_day": True}}, "whole number above 0"),
    ],
)
def test_a_wrong_quota_is_told(table: dict[str, Any], problem: str) -> None:
    row = {
        "keys": ["x/{date}/{audio_id}.{ext}"],
        "url_lifetime_seconds": 60,
        "max_size_bytes": 10,
        "content_types": ["audio/wav"],
        "quota": table,
    }

    with pytest.raises(ValueError, match=problem):
        Collections.from_table({"x": row})


def test_guests_of_temp_audio_have_a_quota_and_nobody_else() -> None:
    quotas = {name: row.quotas for name, row in read_collections().by_id.items()}

    assert quotas.pop("temp-audio").guests.requests_per_minute == 60
    assert set(quotas.values()) == {SubjectQuotas()}
