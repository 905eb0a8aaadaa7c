"""StorageService from the outside: what was saved can be read until it expires, and by nobody after that."""

from __future__ import annotations

import hashlib
from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from grpc import StatusCode
from grpc.aio import AioRpcError
from mayfly.storage.v1 import audio_pb2, error_reason_pb2
from mayfly.storage.v1 import storage_service_pb2 as pb

from mayfly_runtime.testing import rpc_error
from mayfly_storage.domain.privacy import Privacy, TextPolicy
from mayfly_storage.testing import SOUND, LinkResponse
from mayfly_storage.testing.served import Served, serve
from mayfly_storage.testing.stage import Stage

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping
    from pathlib import Path

NOWHERE = "audio/2026-01-15/f47ac10b-58cc-4372-a567-0e02b2c3d479"


async def refused(call: Awaitable[Any]) -> Any:
    with pytest.raises(AioRpcError) as error:
        await call
    return rpc_error(error)


async def test_an_audio_is_saved_read_and_deleted(served: Served) -> None:
    saved = await served.saved(voice="en_US-mayfly-low", labels={"source": "test"})

    got = (await served.storage.GetAudio(pb.GetAudioRequest(name=saved.name))).audio
    [signed] = (await served.storage.SignUrls(pb.SignUrlsRequest(names=[saved.name]))).results
    answer = await served.follow("GET", signed.signed_url.url)
    deleted = await served.storage.DeleteAudio(pb.DeleteAudioRequest(name=saved.name))

    assert got == saved
    assert (got.state, got.voice, dict(got.labels)) == (
        audio_pb2.Audio.STATE_READY,
        "en_US-mayfly-low",
        {"source": "test"},
    )
    assert (answer.status, answer.body) == (200, SOUND)
    assert deleted.deleted
    error = await refused(served.storage.GetAudio(pb.GetAudioRequest(name=saved.name)))
    assert (error.code, error.reason, error.metadata) == (
        StatusCode.NOT_FOUND,
        "AUDIO_NOT_FOUND",
        {"name": saved.name},
    )


async def test_everything_about_an_audio_is_told_but_the_guest(served: Served) -> None:
    audio = await served.saved(
        collection="speech-sessions",
        key_fields={"session_id": "s1", "index": "7"},
        subject=audio_pb2.Subject(guest_address="203.0.113.7"),
        text="hello",
        duration={"seconds": 1, "nanos": 500_000_000},
        ttl={"seconds": 60},
    )

    assert audio.object_key == "audio/anonymous/s1/segment_007.wav"
    assert dict(audio.key_fields) == {"session_id": "s1", "index": "7"}
    assert (audio.content_type, audio.size_bytes) == ("audio/wav", len(SOUND))
    assert audio.sha256 == hashlib.sha256(SOUND).digest()
    assert audio.create_time.ToDatetime(tzinfo=UTC) == served.clock.now()
    assert audio.expire_time.ToDatetime(tzinfo=UTC) == served.clock.now() + timedelta(seconds=60)
    assert audio.duration.ToTimedelta() == timedelta(seconds=1.5)
    assert (audio.text, audio.text_hash, audio.user_id) == ("hello", "", "")
    assert "203.0.113.7" not in str(audio)


async def test_equal_texts_are_told_by_a_hash_where_texts_are_not_kept(tmp_path: Path) -> None:
    stage = Stage(privacy=Privacy(secret=b"a secret of the tests, and long enough", texts=TextPolicy.HASHED))

    async def follow(
        method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> LinkResponse:
        return stage.memory.links.serve(method, url, headers=headers, body=body)

    async with serve(stage, stage.world, tmp_path, follow=follow) as served:
        first, again, other, silent = [await served.saved(text=text) for text in ("hello", "hello", "hullo", "")]
        info = await served.storage.GetStorageInfo(pb.GetStorageInfoRequest())
        found = await served.storage.GetAudio(pb.GetAudioRequest(name=first.name))

    assert found.audio.text_hash == first.text_hash == again.text_hash != other.text_hash
    assert (len(first.text_hash), first.text, silent.text_hash) == (32, "", "")
    assert not info.keeps_text
    assert "hello" not in str(stage.memory.catalog.rows)


async def test_what_is_kept_until_it_is_deleted_has_no_expiry(served: Served) -> None:
    audio = await served.saved(
        collection="recordings", key_fields={"recording_id": "r1"}, subject=audio_pb2.Subject(user_id="u1")
    )

    assert not audio.HasField("expire_time")
    assert not audio.HasField("duration")
    assert audio.user_id == "u1"


async def test_a_retry_of_create_upload_gets_the_same_audio(served: Served) -> None:
    request = served.create()

    first = await served.storage.CreateUpload(request)
    again = await served.storage.CreateUpload(request)
    await served.follow("PUT", again.grant.url, headers=dict(again.grant.headers), body=SOUND)
    await served.storage.CommitUpload(pb.CommitUploadRequest(name=first.audio.name, attempt=first.grant.attempt))
    after = await served.storage.CreateUpload(request)

    assert first.audio == again.audio
    assert first.grant.expire_time.ToDatetime(tzinfo=UTC) == served.clock.now() + timedelta(minutes=2)
    assert len(first.grant.enforced) == 4
    assert after.audio.state == audio_pb2.Audio.STATE_READY
    assert not after.HasField("grant")


async def test_expired_audio_is_not_found_and_its_link_is_refused(served: Served) -> None:
    audio = await served.saved(ttl={"seconds": 60})
    [signed] = (await served.storage.SignUrls(pb.SignUrlsRequest(names=[audio.name]))).results
    served.clock.advance(60)

    error = await refused(served.storage.GetAudio(pb.GetAudioRequest(name=audio.name)))
    answer = await served.follow("GET", signed.signed_url.url)

    assert error.reason == "AUDIO_NOT_FOUND"
    assert answer.status in {403, 410}
    assert signed.signed_url.limited_by == pb.LIMITED_BY_OBJECT


async def test_an_upload_can_be_given_back(served: Served) -> None:
    created = await served.storage.CreateUpload(served.create())
    request = pb.AbandonUploadRequest(name=created.audio.name, attempt=created.grant.attempt)

    await served.storage.AbandonUpload(request)
    await served.storage.AbandonUpload(request)

    commit = pb.CommitUploadRequest(name=created.audio.name, attempt=created.grant.attempt)
    error = await refused(served.storage.CommitUpload(commit))
    assert error.reason in {"UPLOAD_FENCED", "AUDIO_NOT_FOUND"}


async def test_a_commit_without_a_put_says_what_to_do(served: Served) -> None:
    created = await served.storage.CreateUpload(served.create())

    error = await refused(
        served.storage.CommitUpload(pb.CommitUploadRequest(name=created.audio.name, attempt=created.grant.attempt))
    )

    assert (error.code, error.reason) == (StatusCode.FAILED_PRECONDITION, "UPLOAD_INCOMPLETE")
    assert "Put the bytes through the grant" in error.message


async def test_a_request_id_cannot_stand_for_two_requests(served: Served) -> None:
    request = served.create()
    await served.storage.CreateUpload(request)
    request.audio.voice = "another"

    error = await refused(served.storage.CreateUpload(request))

    assert (error.code, error.reason) == (StatusCode.ALREADY_EXISTS, "IDEMPOTENCY_KEY_REUSED")
    assert error.metadata == {"request_id": request.request_id}


async def test_a_chosen_key_has_one_holder(served: Served) -> None:
    chosen = {"collection": "pitches", "key_fields": {"pitch_id": "p1"}}
    await served.saved(**chosen)

    error = await refused(served.storage.CreateUpload(served.create(**chosen)))

    assert (error.code, error.reason) == (StatusCode.ALREADY_EXISTS, "OBJECT_KEY_TAKEN")
    assert error.metadata == {"object_key": "pitches/p1/original_file.wav"}


async def test_links_have_an_outcome_for_each_name_in_order(served: Served) -> None:
    audio = await served.saved()

    names = ["nonsense", audio.name, NOWHERE, audio.name]
    response = await served.storage.SignUrls(pb.SignUrlsRequest(names=names, ttl={"seconds": 60}, attachment=True))

    assert [result.name for result in response.results] == names
    bad, signed, missing, twin = response.results
    assert bad.failure.reason == error_reason_pb2.ERROR_REASON_INVALID_REQUEST
    assert "names[0]" in bad.failure.message
    assert signed.signed_url.limited_by == pb.LIMITED_BY_REQUEST
    assert signed.signed_url.url_expire_time.ToDatetime(tzinfo=UTC) == served.clock.now() + timedelta(seconds=60)
    assert missing.failure.reason == error_reason_pb2.ERROR_REASON_AUDIO_NOT_FOUND
    assert dict(missing.failure.metadata) == {"name": NOWHERE}
    assert twin.WhichOneof("outcome") == "signed_url"


async def test_a_thousand_links_come_in_one_answer(served: Served) -> None:
    audio = await served.saved()

    response = await served.storage.SignUrls(pb.SignUrlsRequest(names=[audio.name] * 1_000))

    assert len(response.results) == 1_000
    assert all(result.HasField("signed_url") for result in response.results)


async def test_many_are_deleted_with_an_outcome_for_each(served: Served) -> None:
    audio = await served.saved()
    names = [audio.name, NOWHERE, "nonsense"]

    rehearsal = await served.storage.BatchDeleteAudio(pb.BatchDeleteAudioRequest(names=names, validate_only=True))
    still_there = await served.storage.GetAudio(pb.GetAudioRequest(name=audio.name))
    deletion = await served.storage.BatchDeleteAudio(pb.BatchDeleteAudioRequest(names=names))

    assert rehearsal == deletion
    assert still_there.audio == audio
    assert [(result.name, result.deleted) for result in deletion.results] == [
        (audio.name, True),
        (NOWHERE, False),
        ("nonsense", False),
    ]
    assert deletion.results[2].failure.reason == error_reason_pb2.ERROR_REASON_INVALID_REQUEST
    assert (await refused(served.storage.GetAudio(pb.GetAudioRequest(name=audio.name)))).reason == "AUDIO_NOT_FOUND"


async def test_a_token_of_other_filters_is_refused(served: Served) -> None:
    for _ in range(2):
        await served.saved()
    page = await served.storage.ListAudio(pb.ListAudioRequest(page_size=1))
    assert page.next_page_token

    foreign = pb.ListAudioRequest(page_size=1, page_token=page.next_page_token, collection="debug")
    error = await refused(served.storage.ListAudio(foreign))

    assert (error.code, error.reason) == (StatusCode.INVALID_ARGUMENT, "PAGE_TOKEN_INVALID")
    assert error.fields == ("page_token",)


async def test_storage_tells_what_it_is(memory: Served) -> None:
    info = await memory.storage.GetStorageInfo(pb.GetStorageInfoRequest())

    assert (info.backend, info.bucket, info.region) == ("memory", "memory", "")
    assert info.upload_lifetime.ToTimedelta() == timedelta(minutes=2)
    assert (info.keeps_text, info.fallback_active, info.max_single_put_bytes) == (True, False, 5 * 1024**3)
    guests = next(each for each in info.collections if each.id == "temp-audio")
    recordings = next(each for each in info.collections if each.id == "recordings")
    assert guests.lifetime.ToTimedelta() == timedelta(hours=24)
    assert guests.url_lifetime.ToTimedelta() == timedelta(hours=24)
    assert list(guests.key_templates) == ["temp-audio/{date}/{audio_id}.{ext}"]
    assert guests.max_size_bytes == 52_428_800
    assert "audio/wav" in guests.content_types
    assert not recordings.HasField("lifetime")
