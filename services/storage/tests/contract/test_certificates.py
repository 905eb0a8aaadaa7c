"""The chain of certificates: it only grows at its end, one by one, whoever appends."""

from __future__ import annotations

import asyncio
import os
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from mayfly_storage.domain.certificates import MAX_BODY_BYTES
from mayfly_storage.domain.errors import CertificateConflictError

if TYPE_CHECKING:
    from mayfly_storage.domain.certificates import Certificate, CertificateLog
    from mayfly_storage.testing import Subject


@pytest.fixture
def log(subject: Subject) -> CertificateLog:
    return subject.backend.certificates


async def chain(log: CertificateLog, *bodies: bytes) -> list[Certificate]:
    """Append each behind the one before it."""
    added: list[Certificate] = []
    for body in bodies:
        previous = added[-1].sha256 if added else b""
        added.append(await log.append(body, previous_sha256=previous, request_id=f"request-{len(added)}"))
    return added


async def test_at_first_there_is_none(log: CertificateLog) -> None:
    assert list(await log.newest(before=None, limit=10)) == []


async def test_each_names_the_one_before_it(log: CertificateLog, subject: Subject) -> None:
    first, second = await chain(log, b"one", b"two")

    assert (first.sequence, first.previous_sha256, first.body) == (1, b"", b"one")
    assert (second.sequence, second.previous_sha256) == (2, first.sha256)
    assert second.create_time == subject.clock.now()
    assert list(await log.newest(before=None, limit=10)) == [second, first]


async def test_they_are_read_newest_first_and_page_by_page(log: CertificateLog) -> None:
    added = await chain(log, *(bytes([number]) for number in range(7)))

    first = await log.newest(before=None, limit=3)
    second = await log.newest(before=first[-1].sequence, limit=3)
    third = await log.newest(before=second[-1].sequence, limit=3)

    assert [*first, *second, *third] == added[::-1]
    assert list(await log.newest(before=1, limit=3)) == []


async def test_nothing_is_appended_but_behind_the_newest(log: CertificateLog) -> None:
    first, second = await chain(log, b"one", b"two")

    for wrong in (b"", first.sha256, b"x" * 32):
        with pytest.raises(CertificateConflictError):
            await log.append(b"three", previous_sha256=wrong, request_id="late")
    assert list(await log.newest(before=None, limit=10)) == [second, first]


async def test_of_many_who_append_at_once_one_succeeds(log: CertificateLog) -> None:
    [first] = await chain(log, b"one")

    async def append(number: int) -> Certificate | None:
        try:
            return await log.append(bytes([number]), previous_sha256=first.sha256, request_id=f"racer-{number}")
        except CertificateConflictError:
            return None

    outcomes = await asyncio.gather(*map(append, range(16)))

    [winner] = [one for one in outcomes if one is not None]
    assert list(await log.newest(before=None, limit=10)) == [winner, first]


@pytest.mark.parametrize(
    "body", [b"\0", os.urandom(MAX_BODY_BYTES), b"x" * MAX_BODY_BYTES], ids=["1", "random", "equal"]
)
async def test_a_body_comes_back_byte_by_byte(log: CertificateLog, body: bytes) -> None:
    added = await chain(log, b"before", body, b"after")

    assert [one.body for one in await log.newest(before=None, limit=3)] == [b"after", body, b"before"]
    assert list(await log.newest(before=3, limit=1)) == [added[1]]


async def test_the_end_of_the_chain_outlives_the_lifetime_of_certificates(
    log: CertificateLog, subject: Subject
) -> None:
    *_, last = await chain(log, b"one", b"two")
    subject.clock.advance(timedelta(days=60))

    added = await log.append(b"three", previous_sha256=last.sha256, request_id="much-later")

    assert (added.sequence, added.previous_sha256) == (3, last.sha256)
    assert (await log.newest(before=None, limit=1))[0] == added
