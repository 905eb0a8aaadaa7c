from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from mayfly_runtime.testing import FakeClock
from mayfly_storage.domain.errors import CertificateConflictError, IdempotencyKeyReusedError, PageTokenInvalidError
from mayfly_storage.domain.findings import Finding
from mayfly_storage.testing import memory_backend
from mayfly_storage.testing.certificates import MemoryCertificates
from mayfly_storage.usecases.certifying import AppendCertificate, DescribeStore, ListCertificates

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mayfly_storage.domain.certificates import Certificate


@pytest.fixture
def log() -> MemoryCertificates:
    return MemoryCertificates(now=FakeClock().now)


@pytest.fixture
def append(log: MemoryCertificates) -> AppendCertificate:
    return AppendCertificate(log=log)


async def grow(append: AppendCertificate, *bodies: bytes) -> list[Certificate]:
    added: list[Certificate] = []
    for number, body in enumerate(bodies):
        previous = added[-1].sha256 if added else b""
        added.append(await append(body, previous_sha256=previous, request_id=f"request-{number}"))
    return added


async def test_a_retry_gets_what_it_appended(append: AppendCertificate, log: MemoryCertificates) -> None:
    first, *_ = await grow(append, b"one", b"two", b"three")

    again = await append(b"one", previous_sha256=b"", request_id="request-0")

    assert again == first
    assert len(log.chain) == 3


async def test_a_request_id_stands_for_one_certificate(append: AppendCertificate) -> None:
    await grow(append, b"one")
    with pytest.raises(IdempotencyKeyReusedError):
        await append(b"other", previous_sha256=b"", request_id="request-0")


async def test_who_was_slower_has_to_read_again(append: AppendCertificate) -> None:
    await grow(append, b"one")
    with pytest.raises(CertificateConflictError):
        await append(b"mine", previous_sha256=b"", request_id="slow")


async def test_pages_end_with_the_chain(append: AppendCertificate, log: MemoryCertificates) -> None:
    added = await grow(append, *(bytes([number]) for number in range(10)))
    listing = ListCertificates(log=log)

    found, cursor, pages = [], "", 0
    while pages == 0 or cursor:
        page = await listing(limit=4, cursor=cursor)
        found += page.certificates
        cursor, pages = page.cursor, pages + 1

    assert found == added[::-1]
    assert pages <= 4


async def test_a_page_fits_into_a_message(append: AppendCertificate, log: MemoryCertificates) -> None:
    await grow(append, *(bytes([number]) * 1024 * 1024 for number in range(8)))
    listing = ListCertificates(log=log)

    page = await listing(limit=100, cursor="")
    rest = await listing(limit=100, cursor=page.cursor)

    assert [one.sequence for one in (*page.certificates, *rest.certificates)] == [8, 7, 6, 5, 4, 3]


async def test_a_cursor_that_is_none_is_refused(log: MemoryCertificates) -> None:
    with pytest.raises(PageTokenInvalidError):
        await ListCertificates(log=log)(limit=1, cursor="x")


async def test_the_store_is_described_by_its_own_answers() -> None:
    class Audit:
        async def findings(self) -> Sequence[Finding]:
            return [replace(Finding.failed("on", "Use another bucket."), check="versioning")]

    now = datetime(2026, 1, 1, tzinfo=UTC)
    backend = memory_backend(now=lambda: now).backend

    told = await DescribeStore(backend=replace(backend, audit=Audit()))()

    assert (told.backend, told.bucket, told.store_time) == ("memory", "memory", now)
    assert [(one.check, one.detail) for one in told.settings] == [("versioning", "on")]
    assert (await DescribeStore(backend=backend)()).settings == ()
