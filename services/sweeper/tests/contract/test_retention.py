"""What every `Retention` promises: the fake, and the client over gRPC to the fake."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from mayfly.storage.v1.retention_service_pb2_grpc import add_RetentionServiceServicer_to_server

from mayfly_runtime.testing import serve_in_process
from mayfly_sweeper.adapters.retention_client import RetentionClient
from mayfly_sweeper.domain.certificate import Setting, StoreFacts
from mayfly_sweeper.domain.errors import CertificateConflictError, StorageRefusedError, StorageUnavailableError
from mayfly_sweeper.domain.items import DueReason, Outcome, Scope, Verdict
from mayfly_sweeper.testing import FAKE_ERRORS, FakeRetention, FakeRetentionServicer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from mayfly_runtime.testing import FakeClock
    from mayfly_sweeper.domain.ports import Retention

SERVICE = "mayfly.storage.v1.RetentionService"


@pytest.fixture(params=["fake", "grpc"])
async def port(request: pytest.FixtureRequest, retention: FakeRetention) -> AsyncIterator[Retention]:
    if request.param == "fake":
        yield retention
        return
    servicer = FakeRetentionServicer(retention)
    async with serve_in_process(
        add_RetentionServiceServicer_to_server, servicer, service=SERVICE, errors=FAKE_ERRORS
    ) as channel:
        yield RetentionClient(channel, target="storage:50052", call_timeout=timedelta(seconds=60))


async def test_a_listed_item_comes_with_all_that_storage_knows(
    port: Retention, retention: FakeRetention, clock: FakeClock
) -> None:
    added = retention.add("audio/1", location="S3", collection="debug", size_bytes=7)

    page = await port.list_expired(Scope(), "")

    assert page.items == (added,)
    assert page.store_time == clock.now()
    assert page.next_page_token == ""


async def test_orphans_come_with_etag_upload_id_and_the_objects_seen(port: Retention, retention: FakeRetention) -> None:
    retention.add_live_object("key/live")
    orphan = retention.add("key/a", reason=DueReason.ORPHAN_OBJECT, etag='"abc"')
    parts = retention.add("key/b", reason=DueReason.ORPHAN_MULTIPART, multipart_upload_id="upload-1")

    page = await port.list_orphans(Scope(), "")

    assert page.items == (orphan, parts)
    assert page.objects_seen == 3


async def test_pages_cover_everything_once_although_items_go_between_them(
    port: Retention, retention: FakeRetention
) -> None:
    for number in range(7):
        retention.add(f"audio/{number}")
    scope, token, seen = Scope(page_size=3), "", []
    while True:
        page = await port.list_expired(scope, token)
        seen += [item.name for item in page.items]
        await port.purge(page.items, validate_only=False)
        if not (token := page.next_page_token):
            break

    assert seen == [f"audio/{number}" for number in range(7)]


async def test_a_purge_answers_each_item_in_order(port: Retention, retention: FakeRetention, clock: FakeClock) -> None:
    items = [retention.add(f"audio/{number}", size_bytes=number) for number in range(4)]
    retention.revive("audio/1")
    retention.faults.items["audio/2"] = "BACKEND_UNAVAILABLE"
    await port.purge(items[3:], validate_only=False)

    answer = await port.purge(items, validate_only=False)

    assert [result.outcome for result in answer.results] == [
        Outcome.DELETED,
        Outcome.SKIPPED,
        Outcome.FAILED,
        Outcome.ALREADY_GONE,
    ]
    assert answer.results[2].failure == "BACKEND_UNAVAILABLE"
    assert answer.store_time == clock.now()


async def test_validate_only_decides_and_deletes_nothing(port: Retention, retention: FakeRetention) -> None:
    item = retention.add("audio/1")

    answer = await port.purge([item], validate_only=True)

    assert answer.results[0].outcome is Outcome.DELETED
    assert retention.left == {"audio/1"}


async def test_verification_looks_at_the_store(port: Retention, retention: FakeRetention) -> None:
    items = [retention.add(f"audio/{number}") for number in range(3)]
    retention.faults.survivors.add("audio/1")
    await port.purge(items[:2], validate_only=False)

    verdicts = await port.verify_gone(items)

    assert verdicts == (
        Verdict(object_gone=True, row_gone=True),
        Verdict(object_gone=False, row_gone=True),
        Verdict(object_gone=True, row_gone=False),
    )


async def test_a_storage_that_is_down_is_unavailable(port: Retention, retention: FakeRetention) -> None:
    retention.faults.calls["list_expired", 1] = StorageUnavailableError("no answer")

    with pytest.raises(StorageUnavailableError):
        await port.list_expired(Scope(), "")


async def test_a_storage_that_refuses_is_not_asked_again(port: Retention, retention: FakeRetention) -> None:
    retention.faults.calls["list_expired", 1] = StorageRefusedError("no such collection", storage_reason="X")

    with pytest.raises(StorageRefusedError, match="no such collection"):
        await port.list_expired(Scope(), "")

    assert retention.calls == ["list_expired"]


async def test_the_store_describes_itself(port: Retention, retention: FakeRetention) -> None:
    setting = Setting(name="versioning", seen="off", deletes=True)
    retention.store = StoreFacts(backend="aws", bucket="b", region="r", settings=(setting,))

    assert await port.describe_store() == retention.store


async def test_certificates_stand_one_behind_the_other(port: Any, clock: FakeClock) -> None:
    first = await port.append(b"one", previous_sha256=b"", request_id=str(uuid.uuid4()))
    second = await port.append(b"two", previous_sha256=first.sha256, request_id=str(uuid.uuid4()))

    with pytest.raises(CertificateConflictError):
        await port.append(b"three", previous_sha256=first.sha256, request_id=str(uuid.uuid4()))
    assert (await port.newest(page_size=10, page_token="")).certificates == (second, first)
    assert (first.create_time, second.sequence) == (clock.now(), 2)


async def test_the_chain_is_read_page_by_page(port: Any) -> None:
    previous = b""
    for number in range(5):
        added = await port.append(bytes([number]), previous_sha256=previous, request_id=str(uuid.uuid4()))
        previous = added.sha256

    found, token, more = [], "", True
    while more:
        page = await port.newest(page_size=2, page_token=token)
        found += [one.sequence for one in page.certificates]
        token, more = page.next_page_token, bool(page.next_page_token)

    assert found == [5, 4, 3, 2, 1]
