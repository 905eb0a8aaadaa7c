"""SweeperService passes certificates on as storage keeps them."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING

import grpc
import pytest
from mayfly.sweeper.v1 import sweeper_service_pb2 as pb

from mayfly_runtime.testing import rpc_error
from mayfly_sweeper.domain.errors import StorageRefusedError, StorageUnavailableError

if TYPE_CHECKING:
    from mayfly.sweeper.v1.sweeper_service_pb2_grpc import SweeperServiceStub

    from mayfly_runtime.testing import FakeClock
    from mayfly_sweeper.testing import FakeRetention


async def test_certificates_are_passed_on_as_storage_keeps_them(
    stub: SweeperServiceStub, retention: FakeRetention, clock: FakeClock
) -> None:
    first = await retention.append(b"one", previous_sha256=b"", request_id="1")
    second = await retention.append(b"two", previous_sha256=first.sha256, request_id="2")

    page = await stub.ListCertificates(pb.ListCertificatesRequest(page_size=1))
    rest = await stub.ListCertificates(pb.ListCertificatesRequest(page_size=1, page_token=page.next_page_token))

    [newest], [oldest] = page.certificates, rest.certificates
    assert (newest.sequence, newest.body, newest.sha256) == (2, b"two", second.sha256)
    assert (oldest.sequence, oldest.previous_sha256) == (1, b"")
    assert newest.previous_sha256 == oldest.sha256
    assert newest.create_time.ToDatetime(tzinfo=UTC) == clock.now()
    assert rest.next_page_token == ""


async def test_a_page_token_of_nobodys_is_the_callers_mistake(
    stub: SweeperServiceStub, retention: FakeRetention
) -> None:
    refused = StorageRefusedError("no such page", storage_reason="PAGE_TOKEN_INVALID")
    retention.faults.calls["newest", 1] = refused

    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await stub.ListCertificates(pb.ListCertificatesRequest(page_token="x"))

    assert rpc_error(failed).reason == "PAGE_TOKEN_INVALID"


async def test_a_storage_that_is_down_has_no_certificates_to_show(
    stub: SweeperServiceStub, retention: FakeRetention
) -> None:
    retention.faults.calls["newest", 1] = StorageUnavailableError("storage does not answer")

    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await stub.ListCertificates(pb.ListCertificatesRequest())

    assert (failed.value.code(), rpc_error(failed).reason) == (grpc.StatusCode.UNAVAILABLE, "STORAGE_UNAVAILABLE")
