"""The chain of certificates from the outside."""

from __future__ import annotations

import hashlib
import uuid
from typing import TYPE_CHECKING

import grpc
import pytest
from mayfly.storage.v1 import retention_service_pb2 as pb

from mayfly_runtime.testing import rpc_error

if TYPE_CHECKING:
    from mayfly_storage.testing.served import Served


async def append(served: Served, body: bytes, previous: bytes = b"", request_id: str = "") -> pb.Certificate:
    request = pb.AppendCertificateRequest(
        request_id=request_id or str(uuid.uuid4()), body=body, previous_sha256=previous
    )
    return (await served.retention.AppendCertificate(request)).certificate


async def test_certificates_form_a_chain(served: Served) -> None:
    first = await append(served, b'{"a":1}')
    second = await append(served, b'{"a":2}', first.sha256)

    listed = (await served.retention.ListCertificates(pb.ListCertificatesRequest())).certificates

    assert list(listed) == [second, first]
    assert (second.sequence, second.previous_sha256) == (2, first.sha256)
    assert first.sha256 == hashlib.sha256(first.body).digest()


async def test_a_retry_appends_nothing(served: Served) -> None:
    request_id = str(uuid.uuid4())
    first = await append(served, b'{"n":1}', request_id=request_id)
    await append(served, b'{"n":2}', first.sha256)

    assert await append(served, b'{"n":1}', request_id=request_id) == first


async def test_who_was_slower_is_told_so(served: Served) -> None:
    await append(served, b'{"n":1}')

    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await append(served, b'{"n":2}')

    assert failed.value.code() is grpc.StatusCode.ABORTED
    assert rpc_error(failed).reason == "CERTIFICATE_CONFLICT"


async def test_pages_go_on_where_they_stopped(served: Served) -> None:
    previous = b""
    for number in range(5):
        previous = (await append(served, b'{"n":%d}' % number, previous)).sha256

    found, token, more = [], "", True
    while more:
        page = await served.retention.ListCertificates(pb.ListCertificatesRequest(page_size=2, page_token=token))
        found += [one.sequence for one in page.certificates]
        token, more = page.next_page_token, bool(page.next_page_token)

    assert found == [5, 4, 3, 2, 1]


async def test_all_problems_of_a_certificate_are_told_at_once(served: Served) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await served.retention.AppendCertificate(pb.AppendCertificateRequest(previous_sha256=b"short"))
    assert rpc_error(failed).fields == ("request_id", "body", "previous_sha256")


async def test_a_body_that_is_too_large_is_refused(served: Served) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await append(served, b"x" * (1024 * 1024 + 1))
    assert rpc_error(failed).fields == ("body",)


@pytest.mark.parametrize("body", [b"no JSON", b"[]", b'"x"', b"\xff", b'{"a":', b"[" * 100_000])
async def test_what_nobody_could_read_is_no_certificate(served: Served, body: bytes) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await append(served, body)
    assert rpc_error(failed).fields == ("body",)


async def test_the_store_is_described(served: Served) -> None:
    told = await served.retention.DescribeStore(pb.DescribeStoreRequest())

    assert told.backend in {"memory", "embedded"}
    assert told.bucket
    assert not told.region
    assert told.HasField("store_time")


async def test_the_oldest_object_that_is_left_is_told(served: Served) -> None:
    first = await served.saved()
    served.clock.advance(60)
    await served.saved()

    page = await served.retention.ListOrphans(pb.ListOrphansRequest(collection="temp-audio"))

    assert page.objects_seen == 2
    assert abs(page.oldest_object_time.ToSeconds() - first.create_time.ToSeconds()) <= 1
    kept = await served.retention.ListOrphans(pb.ListOrphansRequest(collection="recordings"))
    assert not kept.HasField("oldest_object_time")
