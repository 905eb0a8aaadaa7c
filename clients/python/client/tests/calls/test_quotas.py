"""Quotas as callers see them, against the fake."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from mayfly_client import InvalidRequestError, QuotaExceededError
from mayfly_client.testing import FakeMayfly

GUEST = "192.0.2.1"
START = datetime(2026, 1, 15, 6, 30, 43, tzinfo=UTC)


def test_a_refusal_tells_limit_used_and_reset_time() -> None:
    with FakeMayfly(start=START, requests_per_minute=2) as fake, fake.client() as client:
        for _ in range(2):
            client.reserve_quota("temp-audio", guest_address=GUEST)
        with pytest.raises(QuotaExceededError) as refused:
            client.reserve_quota("temp-audio", guest_address=GUEST)

        error = refused.value
        assert (error.quota, error.limit, error.used) == ("requests_per_minute", 2, 2)
        assert error.reset_time == datetime(2026, 1, 15, 6, 31, tzinfo=UTC)
        assert error.retry_after == timedelta(seconds=17)
        fake.clock.advance(error.retry_after)
        client.reserve_quota("temp-audio", guest_address=GUEST)


def test_objects_are_limited_by_the_day() -> None:
    with FakeMayfly(start=START, objects_per_day=1) as fake, fake.client() as client:
        client.speak("Hello.", guest_address=GUEST)
        client.reserve_quota("temp-audio", objects=0, guest_address=GUEST)
        with pytest.raises(QuotaExceededError) as refused:
            client.reserve_quota("temp-audio", guest_address=GUEST)

        error = refused.value
        assert (error.quota, error.limit, error.used) == ("objects_per_day", 1, 1)
        assert error.reset_time == datetime(2026, 1, 16, tzinfo=UTC)
        fake.clock.advance(timedelta(days=1))
        client.reserve_quota("temp-audio", guest_address=GUEST)


def test_an_upload_counts_the_object_that_its_reservation_does_not() -> None:
    digest = hashlib.sha256(b"x").digest()
    with FakeMayfly(objects_per_day=1) as fake, fake.client() as client:
        more = client.reserve_quota("temp-audio", objects=0, guest_address=GUEST)
        client.reserve_quota("temp-audio", guest_address=GUEST)

        with pytest.raises(QuotaExceededError) as refused:
            client.create_upload(
                sha256=digest,
                collection="temp-audio",
                content_type="audio/wav",
                size_bytes=1,
                guest_address=GUEST,
                quota_reservation=more.token,
            )
    assert refused.value.quota == "objects_per_day"


def test_an_error_that_does_not_say_how_much_has_no_numbers() -> None:
    error = QuotaExceededError("no")

    assert (error.quota, error.limit, error.used, error.reset_time) == ("", None, None, None)


async def test_both_clients_reserve_and_use_a_reservation_once() -> None:
    facts = {"collection": "temp-audio", "content_type": "audio/wav", "size_bytes": 1, "guest_address": GUEST}
    digest = hashlib.sha256(b"x").digest()
    with FakeMayfly(requests_per_minute=1) as fake, fake.client() as client:
        async with fake.async_client() as other:
            reserved = await other.reserve_quota("temp-audio", characters=5, guest_address=GUEST)
        client.create_upload(sha256=digest, quota_reservation=reserved.token, **facts)  # type: ignore[arg-type]
        with pytest.raises(InvalidRequestError, match="used by another upload"):
            client.create_upload(sha256=digest, quota_reservation=reserved.token, **facts)  # type: ignore[arg-type]
    assert reserved.token not in repr(reserved)


def test_a_retry_counts_once() -> None:
    with FakeMayfly(requests_per_minute=1) as fake, fake.client() as client:
        request_id = str(uuid4())
        first = client.reserve_quota("temp-audio", request_id=request_id, guest_address=GUEST)

        assert client.reserve_quota("temp-audio", request_id=request_id, guest_address=GUEST) == first


def test_a_stream_that_is_not_kept_counts_as_a_request_and_as_no_object() -> None:
    with FakeMayfly(requests_per_minute=2, objects_per_day=1) as fake, fake.client() as client:
        for _ in range(2):
            list(client.stream_speech("Hello.", discard=True, guest_address=GUEST))

        with pytest.raises(QuotaExceededError) as refused:
            list(client.stream_speech("Hello.", discard=True, guest_address=GUEST))

    assert refused.value.quota == "requests_per_minute"


def test_speech_for_a_guest_beyond_the_quota_is_refused() -> None:
    with FakeMayfly(requests_per_minute=1) as fake, fake.client() as client:
        client.speak("Hello.", guest_address=GUEST)
        client.speak("Hello.", guest_address="192.0.2.2")
        client.speak("Hello.")

        with pytest.raises(QuotaExceededError) as refused:
            client.speak("Hello.", guest_address=GUEST)
        with pytest.raises(QuotaExceededError):
            list(client.stream_speech("Hello.", guest_address=GUEST))
    assert (refused.value.domain, refused.value.limit) == ("synth.mayfly", 1)
