"""Counting before the work, and paying at W1: exact under concurrency, once for each request_id."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from mayfly_storage.domain.errors import QuotaRefusedError, RequestSeenError, ReservationGoneError
from mayfly_storage.domain.quotas import QuotaLimits, QuotaUse, Reservation, Work, tallies
from mayfly_storage.testing import a_request

if TYPE_CHECKING:
    from mayfly_storage.domain.quotas import Tally
    from mayfly_storage.testing import Subject

LIMITS = QuotaLimits(requests_per_minute=10, characters_per_day=1_000, bytes_per_day=5_000)


def a_reservation(subject: Subject, **overrides: Any) -> Reservation:
    facts: dict[str, Any] = {
        "caller": "synth",
        "request_id": str(uuid4()),
        "fingerprint": "same",
        "expire_time": subject.clock.now() + timedelta(minutes=15),
    }
    return Reservation(**(facts | overrides))


def cost(subject: Subject, *, whose: str = "guest", limits: QuotaLimits = LIMITS, **work: int) -> list[Tally]:
    return tallies(limits, Work(**work), whose=whose, now=subject.clock.now())


def told(refused: QuotaRefusedError) -> list[tuple[str, int, int]]:
    return [(charge.quota, charge.limit, used) for _, charge, used in refused.refusals]


async def count(subject: Subject, **work: int) -> None:
    await subject.catalog.reserve_quota(a_reservation(subject), cost(subject, **work))


async def test_of_64_reservations_at_once_exactly_as_many_succeed_as_the_limit_allows(subject: Subject) -> None:
    outcomes = await asyncio.gather(*(count(subject) for _ in range(64)), return_exceptions=True)

    assert outcomes.count(None) == 10
    refusals = [outcome for outcome in outcomes if outcome is not None]
    assert {type(refusal) for refusal in refusals} == {QuotaRefusedError}
    assert len(refusals) == 54


async def test_of_64_uploads_at_once_exactly_as_many_succeed_as_objects_are_allowed(subject: Subject) -> None:
    limits = QuotaLimits(objects_per_day=7)
    audios = [subject.an_audio() for _ in range(64)]
    pays = QuotaUse(tallies=tuple(cost(subject, limits=limits)))

    outcomes = await asyncio.gather(
        *(subject.catalog.reserve(audio, a_request(audio), pays=pays) for audio in audios), return_exceptions=True
    )

    assert outcomes.count(None) == 7
    refusals = [outcome for outcome in outcomes if outcome is not None]
    assert {type(refusal) for refusal in refusals} == {QuotaRefusedError}
    assert len(await subject.catalog.get_many([audio.name for audio in audios])) == 7
    with pytest.raises(QuotaRefusedError) as refused:
        await subject.catalog.reserve_quota(a_reservation(subject), cost(subject, limits=limits))
    assert told(refused.value) == [("objects_per_day", 7, 7)]


async def test_objects_that_are_deleted_are_not_given_back_and_the_next_day_begins_at_nothing(subject: Subject) -> None:
    limits = QuotaLimits(objects_per_day=1)
    audio = subject.an_audio()
    await subject.catalog.reserve(audio, None, pays=QuotaUse(tallies=tuple(cost(subject, limits=limits))))
    await subject.catalog.begin_delete([audio], subject.clock.now())

    with pytest.raises(QuotaRefusedError):
        await subject.catalog.reserve_quota(a_reservation(subject), cost(subject, limits=limits))

    subject.clock.advance(timedelta(days=1))
    await subject.catalog.reserve_quota(a_reservation(subject), cost(subject, limits=limits))


async def test_a_refusal_tells_the_limit_and_what_is_used_and_counts_nothing(subject: Subject) -> None:
    await count(subject, characters=900)

    with pytest.raises(QuotaRefusedError) as refused:
        await count(subject, characters=101)
    assert told(refused.value) == [("characters_per_day", 1_000, 900)]

    # Neither the request nor the characters of the refused call were counted.
    await count(subject, characters=100)
    for _ in range(8):
        await count(subject)
    with pytest.raises(QuotaRefusedError) as refused:
        await count(subject)
    assert told(refused.value) == [("requests_per_minute", 10, 10)]


async def test_every_quota_that_is_exceeded_is_told(subject: Subject) -> None:
    for _ in range(10):
        await count(subject, characters=100)

    with pytest.raises(QuotaRefusedError) as refused:
        await count(subject, characters=1)

    assert told(refused.value) == [("requests_per_minute", 10, 10), ("characters_per_day", 1_000, 1_000)]


async def test_more_than_the_whole_limit_is_refused_by_an_empty_counter(subject: Subject) -> None:
    with pytest.raises(QuotaRefusedError) as refused:
        await count(subject, size_bytes=5_001)

    assert told(refused.value) == [("bytes_per_day", 5_000, 0)]
    await count(subject, size_bytes=5_000)


async def test_the_next_window_begins_at_nothing(subject: Subject) -> None:
    for _ in range(10):
        await count(subject)

    subject.clock.advance(timedelta(minutes=1))

    for _ in range(10):
        await count(subject)
    with pytest.raises(QuotaRefusedError) as refused:
        await count(subject)
    assert told(refused.value) == [("requests_per_minute", 10, 10)]


async def test_subjects_do_not_share_their_counters(subject: Subject) -> None:
    await subject.catalog.reserve_quota(a_reservation(subject), cost(subject, whose="one", characters=1_000))

    others = a_reservation(subject)
    counted = await subject.catalog.reserve_quota(others, cost(subject, whose="other", characters=1_000))

    assert counted == others


async def test_a_retry_counts_once_and_answers_the_first_reservation(subject: Subject) -> None:
    first = a_reservation(subject)
    await subject.catalog.reserve_quota(first, cost(subject, characters=1_000))

    later = replace(first, fingerprint="other", expire_time=first.expire_time + timedelta(seconds=5))
    answers = [await subject.catalog.reserve_quota(later, cost(subject, characters=1_000)) for _ in range(3)]

    assert answers == [first, first, first]


async def test_three_copies_of_a_request_at_once_count_once(subject: Subject) -> None:
    wanted = a_reservation(subject)

    answers = await asyncio.gather(
        *(subject.catalog.reserve_quota(wanted, cost(subject, characters=1_000)) for _ in range(3))
    )

    assert answers == [wanted, wanted, wanted]


async def test_the_same_request_id_of_another_caller_is_another_request(subject: Subject) -> None:
    first = a_reservation(subject)
    await subject.catalog.reserve_quota(first, cost(subject, characters=600))

    with pytest.raises(QuotaRefusedError):
        await subject.catalog.reserve_quota(replace(first, caller="gateway"), cost(subject, characters=600))


async def test_a_lapsed_reservation_counts_as_absent(subject: Subject) -> None:
    first = a_reservation(subject)
    await subject.catalog.reserve_quota(first, cost(subject))
    subject.clock.advance(timedelta(minutes=15))

    second = a_reservation(subject, request_id=first.request_id)

    assert await subject.catalog.reserve_quota(second, cost(subject)) == second


async def test_a_refused_reservation_is_not_remembered(subject: Subject) -> None:
    wanted = a_reservation(subject)
    with pytest.raises(QuotaRefusedError):
        await subject.catalog.reserve_quota(wanted, cost(subject, characters=1_001))

    assert await subject.catalog.reserve_quota(wanted, cost(subject, characters=1_000)) == wanted


async def test_a_reservation_pays_for_one_upload(subject: Subject) -> None:
    reservation = a_reservation(subject)
    await subject.catalog.reserve_quota(reservation, cost(subject))
    pays = QuotaUse(reservation=(reservation.caller, reservation.request_id))
    first, second = subject.an_audio(), subject.an_audio()

    await subject.catalog.reserve(first, a_request(first), pays=pays)
    with pytest.raises(ReservationGoneError):
        await subject.catalog.reserve(second, a_request(second), pays=pays)

    assert set(await subject.catalog.get_many([first.name, second.name])) == {first.name}


async def test_of_many_uploads_with_one_reservation_one_is_stored(subject: Subject) -> None:
    reservation = a_reservation(subject)
    await subject.catalog.reserve_quota(reservation, cost(subject))
    pays = QuotaUse(reservation=(reservation.caller, reservation.request_id))
    audios = [subject.an_audio() for _ in range(16)]

    await asyncio.gather(*(subject.catalog.reserve(audio, None, pays=pays) for audio in audios), return_exceptions=True)

    assert len(await subject.catalog.get_many([audio.name for audio in audios])) == 1


async def test_a_reservation_that_nobody_made_pays_for_nothing(subject: Subject) -> None:
    audio = subject.an_audio()

    with pytest.raises(ReservationGoneError):
        await subject.catalog.reserve(audio, None, pays=QuotaUse(reservation=("synth", str(uuid4()))))

    assert await subject.catalog.get_many([audio.name]) == {}


async def test_uploads_that_pay_themselves_never_pass_the_limit(subject: Subject) -> None:
    audios = [subject.an_audio() for _ in range(32)]
    pays = QuotaUse(tallies=tuple(cost(subject)))

    outcomes = await asyncio.gather(
        *(subject.catalog.reserve(audio, a_request(audio), pays=pays) for audio in audios), return_exceptions=True
    )

    assert outcomes.count(None) == 10
    assert {type(outcome) for outcome in outcomes if outcome is not None} == {QuotaRefusedError}
    assert len(await subject.catalog.get_many([audio.name for audio in audios])) == 10


async def test_a_retry_of_an_upload_pays_nothing_even_when_the_quota_is_used_up(subject: Subject) -> None:
    audio = subject.an_audio()
    request = a_request(audio)
    pays = QuotaUse(tallies=tuple(cost(subject, characters=1_000)))
    await subject.catalog.reserve(audio, request, pays=pays)
    again = subject.an_audio()

    with pytest.raises(RequestSeenError):
        await subject.catalog.reserve(again, replace(request, name=again.name), pays=pays)


async def test_an_upload_without_room_leaves_its_reservation_unused(subject: Subject) -> None:
    reservation = a_reservation(subject)
    await subject.catalog.reserve_quota(reservation, cost(subject))
    used = (reservation.caller, reservation.request_id)
    audio = subject.an_audio()
    too_much = QuotaUse(reservation=used, tallies=tuple(cost(subject, requests=0, size_bytes=5_001)))

    with pytest.raises(QuotaRefusedError):
        await subject.catalog.reserve(audio, a_request(audio), pays=too_much)

    await subject.catalog.reserve(audio, a_request(audio), pays=QuotaUse(reservation=used))
