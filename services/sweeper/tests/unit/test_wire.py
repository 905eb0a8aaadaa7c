from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from mayfly.storage.v1 import retention_service_pb2 as pb
from mayfly.storage.v1 import retention_service_pb2_grpc as stubs

from mayfly_runtime.testing import serve_in_process
from mayfly_sweeper.adapters.retention_client import RetentionClient, StorageChannelError, open_storage_channel
from mayfly_sweeper.adapters.wire import to_answer, to_item
from mayfly_sweeper.domain.errors import StorageRefusedError
from mayfly_sweeper.domain.items import DueItem, DueReason, Outcome

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

A_FUTURE_NUMBER = 77


class Forgetful(stubs.RetentionServiceServicer):
    """A storage that answers about fewer items than it was asked about."""

    async def PurgeAudio(self, request: pb.PurgeAudioRequest, context: object) -> pb.PurgeAudioResponse:  # noqa: N802 - the RPC's name
        return pb.PurgeAudioResponse()

    async def VerifyGone(self, request: pb.VerifyGoneRequest, context: object) -> pb.VerifyGoneResponse:  # noqa: N802 - the RPC's name
        return pb.VerifyGoneResponse()


@pytest.fixture
async def forgetful() -> AsyncIterator[RetentionClient]:
    async with serve_in_process(
        stubs.add_RetentionServiceServicer_to_server, Forgetful(), service="mayfly.storage.v1.RetentionService"
    ) as channel:
        yield RetentionClient(channel, target="storage", call_timeout=timedelta(seconds=10))


def test_a_reason_of_a_newer_storage_is_reported_and_never_purged() -> None:
    item = to_item(pb.DueItem(name="audio/1", reason=A_FUTURE_NUMBER))

    assert item.reason is DueReason.UNKNOWN
    assert not item.reason.is_purgeable


def test_an_outcome_that_is_not_known_is_no_deletion() -> None:
    response = pb.PurgeAudioResponse(results=[pb.PurgeAudioResponse.Result(outcome=A_FUTURE_NUMBER)])

    assert to_answer(response).results[0].outcome is Outcome.FAILED


def test_a_failure_of_a_newer_storage_keeps_its_number() -> None:
    response = pb.PurgeAudioResponse(results=[pb.PurgeAudioResponse.Result(outcome=4)])
    response.results[0].failure.reason = 7_777

    assert to_answer(response).results[0].failure == "UNKNOWN_7777"


async def test_an_answer_about_fewer_items_is_not_believed(forgetful: RetentionClient) -> None:
    item = DueItem(reason=DueReason.EXPIRED, name="audio/1")

    with pytest.raises(StorageRefusedError, match="answered about 0 items"):
        await forgetful.purge([item], validate_only=False)
    with pytest.raises(StorageRefusedError, match="answered about 0 items"):
        await forgetful.verify_gone([item])


def test_a_token_does_not_leave_the_machine_in_plaintext() -> None:
    with pytest.raises(StorageChannelError, match=r"storage\.example"):
        open_storage_channel("storage.example:50052", token="secret", tls=None, interceptors=[])
