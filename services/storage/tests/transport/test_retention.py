"""RetentionService from the outside: find, purge, verify."""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import TYPE_CHECKING

import pytest
from grpc import StatusCode
from grpc.aio import AioRpcError
from mayfly.storage.v1 import audio_pb2, error_reason_pb2
from mayfly.storage.v1 import retention_service_pb2 as pb
from mayfly.storage.v1 import storage_service_pb2 as storage_pb

from mayfly_runtime.testing import rpc_error
from mayfly_storage.testing import SOUND

if TYPE_CHECKING:
    from mayfly_storage.testing.served import Served


Outcome = pb.PurgeAudioResponse


async def test_what_expired_is_found_purged_and_verified(served: Served) -> None:
    audio = await served.saved(ttl={"seconds": 60})
    kept = await served.saved()
    served.clock.advance(timedelta(hours=1))

    listed = await served.retention.ListExpired(pb.ListExpiredRequest())
    before = await served.retention.VerifyGone(pb.VerifyGoneRequest(items=listed.items))
    rehearsal = await served.retention.PurgeAudio(pb.PurgeAudioRequest(items=listed.items, validate_only=True))
    purged = await served.retention.PurgeAudio(pb.PurgeAudioRequest(items=listed.items))
    after = await served.retention.VerifyGone(pb.VerifyGoneRequest(items=listed.items))
    again = await served.retention.PurgeAudio(pb.PurgeAudioRequest(items=listed.items))

    [item] = listed.items
    assert (item.name, item.object_key, item.reason) == (audio.name, audio.object_key, pb.DUE_REASON_EXPIRED)
    assert (item.collection, item.size_bytes, item.location) == ("temp-audio", len(SOUND), audio.location)
    assert item.due_time == audio.expire_time
    assert not before.verdicts[0].object_gone
    assert [result.outcome for result in rehearsal.results] == [Outcome.OUTCOME_DELETED]
    assert [(result.outcome, result.size_bytes) for result in purged.results] == [(Outcome.OUTCOME_DELETED, len(SOUND))]
    assert (after.verdicts[0].object_gone, after.verdicts[0].row_gone) == (True, True)
    assert [result.outcome for result in again.results] == [Outcome.OUTCOME_ALREADY_GONE]
    assert (await served.storage.GetAudio(storage_pb.GetAudioRequest(name=kept.name))).audio == kept


async def test_pages_of_what_is_due_go_on_where_they_stopped(served: Served) -> None:
    names = {(await served.saved(ttl={"seconds": 60})).name for _ in range(3)}
    served.clock.advance(60)

    found: list[str] = []
    token = ""
    while True:
        page = await served.retention.ListExpired(pb.ListExpiredRequest(page_size=2, page_token=token))
        found += [item.name for item in page.items]
        token = page.next_page_token
        if not token:
            break

    assert sorted(found) == sorted(names)


async def test_what_is_live_is_skipped_and_told_why(served: Served) -> None:
    audio = await served.saved()
    item = pb.DueItem(
        name=audio.name, location=audio.location, object_key=audio.object_key, reason=pb.DUE_REASON_EXPIRED
    )

    purged = await served.retention.PurgeAudio(pb.PurgeAudioRequest(items=[item]))

    [result] = purged.results
    assert result.outcome == Outcome.OUTCOME_SKIPPED
    assert result.failure.reason == error_reason_pb2.ERROR_REASON_NOT_DUE
    assert result.failure.message == "It is live, or not due yet."
    assert (await served.storage.GetAudio(storage_pb.GetAudioRequest(name=audio.name))).audio == audio


async def test_what_the_store_cannot_delete_is_told_to_come_again(memory: Served) -> None:
    audio = await memory.saved(ttl={"seconds": 60})
    memory.stage.memory.blobs.stuck.add(audio.object_key)
    memory.clock.advance(60)
    listed = await memory.retention.ListExpired(pb.ListExpiredRequest())

    purged = await memory.retention.PurgeAudio(pb.PurgeAudioRequest(items=listed.items))

    [result] = purged.results
    assert (result.outcome, result.tombstone_kept) == (Outcome.OUTCOME_FAILED, False)
    assert result.failure.reason == error_reason_pb2.ERROR_REASON_BACKEND_UNAVAILABLE
    assert dict(result.failure.metadata) == {"backend": "LOCAL"}


async def test_a_tombstone_that_waits_for_late_puts_is_told(served: Served) -> None:
    await served.saved(ttl={"seconds": 60})
    served.clock.advance(60)
    listed = await served.retention.ListExpired(pb.ListExpiredRequest())

    purged = await served.retention.PurgeAudio(pb.PurgeAudioRequest(items=listed.items))

    assert purged.results[0].tombstone_kept


async def test_orphans_are_listed_and_purged(memory: Served) -> None:
    audio = await memory.saved()
    row = next(iter(memory.stage.memory.catalog.rows))
    del memory.stage.memory.catalog.rows[row]
    memory.clock.advance(timedelta(hours=1))

    items, seen, token = [], 0, ""
    while True:
        page = await memory.retention.ListOrphans(pb.ListOrphansRequest(page_token=token))
        assert page.store_time.ToDatetime(tzinfo=UTC) == memory.clock.now()
        items += page.items
        seen += page.objects_seen
        token = page.next_page_token
        if not token:
            break
    purged = await memory.retention.PurgeAudio(pb.PurgeAudioRequest(items=items))

    [item] = items
    assert (item.name, item.object_key, item.reason) == ("", audio.object_key, pb.DUE_REASON_ORPHAN_OBJECT)
    assert item.etag
    assert seen == 1
    assert [result.outcome for result in purged.results] == [Outcome.OUTCOME_DELETED]
    assert memory.stage.memory.blobs.objects == {}


async def test_only_what_was_due_before_a_time_can_be_asked_for(memory: Served) -> None:
    audio = await memory.saved(ttl={"seconds": 60})
    memory.clock.advance(120)

    early = pb.ListExpiredRequest(due_before={"seconds": audio.expire_time.seconds - 1})
    late = pb.ListExpiredRequest(due_before={"seconds": audio.expire_time.seconds + 10**6})

    assert not (await memory.retention.ListExpired(early)).items
    assert len((await memory.retention.ListExpired(late)).items) == 1


@pytest.mark.parametrize("method", ["ListExpired", "ListOrphans"])
async def test_an_unknown_collection_is_told(memory: Served, method: str) -> None:
    request = getattr(pb, f"{method}Request")(collection="nope")

    with pytest.raises(AioRpcError) as failed:
        await getattr(memory.retention, method)(request)

    error = rpc_error(failed)
    assert (error.code, error.reason, error.fields) == (
        StatusCode.INVALID_ARGUMENT,
        "COLLECTION_UNKNOWN",
        ("collection",),
    )


async def test_a_token_of_another_method_is_refused(memory: Served) -> None:
    page = await memory.retention.ListOrphans(pb.ListOrphansRequest())
    assert page.next_page_token

    with pytest.raises(AioRpcError) as failed:
        await memory.retention.ListExpired(pb.ListExpiredRequest(page_token=page.next_page_token))

    assert rpc_error(failed).reason == "PAGE_TOKEN_INVALID"


async def test_audio_of_a_person_leaves_no_trace_in_its_tombstone(memory: Served) -> None:
    await memory.saved(ttl={"seconds": 60}, text="hello", subject=audio_pb2.Subject(guest_address="203.0.113.7"))
    memory.clock.advance(60)
    listed = await memory.retention.ListExpired(pb.ListExpiredRequest())

    await memory.retention.PurgeAudio(pb.PurgeAudioRequest(items=listed.items))

    [row] = memory.stage.memory.catalog.rows.values()
    assert (row.text, row.owner, row.ip_address) == ("", "", "")


async def test_a_row_is_purged_by_its_name_alone(served: Served) -> None:
    """A tombstone that has given back the key, which its caller chose, is listed without one."""
    audio = await served.saved(ttl={"seconds": 60})
    served.clock.advance(60)
    item = pb.DueItem(name=audio.name, location=audio.location, reason=pb.DUE_REASON_UNFINISHED)

    purged = await served.retention.PurgeAudio(pb.PurgeAudioRequest(items=[item]))

    assert [result.outcome for result in purged.results] == [Outcome.OUTCOME_DELETED]


async def test_an_orphan_without_a_key_is_refused(served: Served) -> None:
    item = pb.DueItem(location=audio_pb2.Audio.LOCATION_LOCAL, reason=pb.DUE_REASON_ORPHAN_OBJECT)

    with pytest.raises(AioRpcError) as refused:
        await served.retention.PurgeAudio(pb.PurgeAudioRequest(items=[item]))

    assert rpc_error(refused.value).code is StatusCode.INVALID_ARGUMENT
