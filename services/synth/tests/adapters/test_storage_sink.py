from __future__ import annotations

import asyncio
import dataclasses
import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import grpc
import httpx
import pytest

from mayfly_runtime.offload import Offload
from mayfly_synth.adapters.storage_sink import StorageSink, storage_request_id
from mayfly_synth.domain.errors import (
    QuotaExceededError,
    RequestIdReusedError,
    StorageRefusedError,
    StorageUnavailableError,
)
from mayfly_synth.domain.speech import Destination, RequestKey, Speech
from mayfly_synth.testing_speech import KEY, VOICE, speech
from mayfly_synth.usecases.storing import store_all

if TYPE_CHECKING:
    from mayfly_client import AsyncClient
    from mayfly_client.testing import FakeMayfly
    from mayfly_synth.domain.speech import StoredAudio

NOWHERE = Destination()


def methods(mayfly: FakeMayfly) -> list[str]:
    return [call.method for call in mayfly.calls]


async def test_speech_lies_at_its_final_key_and_its_link_plays_it(sink: StorageSink, client: AsyncClient) -> None:
    stored = await sink.store(speech(), key=KEY, destination=NOWHERE)

    assert stored.collection == "temp-audio"
    assert stored.object_key.startswith("temp-audio/")
    assert stored.file_name == stored.object_key.rpartition("/")[2]
    assert (stored.size_bytes, stored.content_type) == (14, "audio/wav")
    assert stored.sha256 == hashlib.sha256(b"RIFF and so on").digest()
    assert stored.duration == timedelta(seconds=1.5)
    assert stored.url_expire_time <= (stored.expire_time or stored.url_expire_time)
    async with httpx.AsyncClient() as http:
        assert (await http.get(stored.url)).content == b"RIFF and so on"
    audio = await client.get(stored.name)
    assert (audio.voice, audio.text, audio.duration) == (VOICE.name, "Hello.", timedelta(seconds=1.5))


async def test_no_signed_link_is_shown_by_accident(sink: StorageSink) -> None:
    stored = await sink.store(speech(), key=KEY, destination=NOWHERE)

    assert stored.url not in repr(stored)


async def test_the_destination_is_followed(sink: StorageSink, client: AsyncClient) -> None:
    destination = Destination(
        collection="speech-sessions",
        key_fields=(("index", "3"), ("session_id", "s1")),
        ttl=timedelta(minutes=5),
        url_ttl=timedelta(seconds=10),
        user_id="u1",
        labels=(("kind", "test"),),
    )

    stored = await sink.store(speech(), key=KEY, destination=destination)

    assert stored.object_key == "audio/users/u1/s1/segment_003.wav"
    assert stored.expire_time == stored.create_time + timedelta(minutes=5)
    assert stored.url_expire_time == stored.create_time + timedelta(seconds=10)
    assert (await client.get(stored.name)).labels == {"kind": "test"}


async def test_a_text_that_is_longer_than_what_storage_keeps_is_left_out(
    sink: StorageSink, client: AsyncClient
) -> None:
    stored = await sink.store(speech(text="x" * 5001), key=KEY, destination=NOWHERE)

    assert (await client.get(stored.name)).text == ""


async def test_the_same_speech_is_kept_once(sink: StorageSink, mayfly: FakeMayfly) -> None:
    first = await sink.store(speech(), key=KEY, destination=NOWHERE)
    second = await sink.store(speech(), key=KEY, destination=NOWHERE)

    assert second.name == first.name
    assert methods(mayfly).count("CommitUpload") == 1


async def test_other_bytes_for_the_same_request_are_refused(sink: StorageSink) -> None:
    await sink.store(speech(), key=KEY, destination=NOWHERE)

    with pytest.raises(RequestIdReusedError) as refused:
        await sink.store(speech(b"other bytes"), key=KEY, destination=NOWHERE)
    # The caller's own id, and not the one that storage was given.
    assert refused.value.request_id == KEY.request_id


def test_a_request_has_one_id_towards_storage_which_is_nobody_elses() -> None:
    other_caller = RequestKey(caller="other", request_id=KEY.request_id)
    other_request = RequestKey(caller=KEY.caller, request_id=UUID(int=8))

    assert storage_request_id(KEY) == storage_request_id(RequestKey(caller="gateway", request_id=UUID(int=7)))
    assert len({storage_request_id(key) for key in (KEY, other_caller, other_request)}) == 3
    assert UUID(storage_request_id(KEY)) != KEY.request_id


@pytest.mark.parametrize("method", ["CreateUpload", "CommitUpload", "SignUrls"])
@pytest.mark.parametrize(
    ("code", "reason", "expected"),
    [
        (grpc.StatusCode.INVALID_ARGUMENT, "COLLECTION_UNKNOWN", StorageRefusedError),
        (grpc.StatusCode.PERMISSION_DENIED, "COLLECTION_FORBIDDEN", StorageRefusedError),
        (grpc.StatusCode.UNAUTHENTICATED, "CALLER_UNAUTHENTICATED", StorageRefusedError),
        (grpc.StatusCode.FAILED_PRECONDITION, "REQUEST_EXPIRED", StorageRefusedError),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "STORAGE_FULL", StorageRefusedError),
        (grpc.StatusCode.INTERNAL, "INTERNAL", StorageRefusedError),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "QUOTA_EXCEEDED", QuotaExceededError),
        (grpc.StatusCode.ALREADY_EXISTS, "IDEMPOTENCY_KEY_REUSED", RequestIdReusedError),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "SERVER_BUSY", StorageUnavailableError),
        (grpc.StatusCode.DEADLINE_EXCEEDED, "DEADLINE_TOO_SHORT", StorageUnavailableError),
        (grpc.StatusCode.ABORTED, "UPLOAD_FENCED", StorageUnavailableError),
    ],
)
async def test_each_failure_of_storage_has_its_meaning(
    sink: StorageSink,
    mayfly: FakeMayfly,
    method: str,
    code: grpc.StatusCode,
    reason: str,
    expected: type[Exception],
) -> None:
    mayfly.refuse(method, code, reason)

    with pytest.raises(expected) as failed:
        await sink.store(speech(), key=KEY, destination=NOWHERE)
    if isinstance(failed.value, StorageRefusedError):
        assert failed.value.storage_reason == reason


async def test_storage_that_is_down_is_unavailable_with_a_time_to_come_back(mayfly: FakeMayfly) -> None:
    checksums = Offload(name="checksum", workers=1, queue=10)
    async with mayfly.async_client(timeout=1) as client:
        mayfly.refuse("CreateUpload", grpc.StatusCode.UNAVAILABLE, "", times=20)
        with pytest.raises(StorageUnavailableError) as failed:
            await StorageSink(client, collection="temp-audio", offload=checksums).store(
                speech(), key=KEY, destination=NOWHERE
            )
    await checksums.shutdown()

    assert failed.value.retry_after > timedelta()
    assert "127.0.0.1" not in str(failed.value)


async def test_a_failed_upload_is_given_back(sink: StorageSink, mayfly: FakeMayfly) -> None:
    mayfly.refuse("CommitUpload", grpc.StatusCode.FAILED_PRECONDITION, "CONTENT_MISMATCH")

    with pytest.raises(StorageRefusedError):
        await sink.store(speech(), key=KEY, destination=NOWHERE)
    await sink.close()

    assert methods(mayfly) == ["CreateUpload", "CommitUpload", "AbandonUpload"]


async def test_where_the_store_is_not_to_be_reached_speech_goes_through_storage(
    sink: StorageSink, mayfly: FakeMayfly
) -> None:
    reservation = await sink.reserve(KEY, GUEST, characters=6, size_bytes=10)
    mayfly.refuse("CommitUpload", grpc.StatusCode.UNAVAILABLE, "BACKEND_UNAVAILABLE", times=4)

    stored = await sink.store(speech(), key=KEY, destination=GUEST, reservation=reservation)

    assert methods(mayfly)[-2:] == ["UploadAudio", "SignUrls"]
    assert stored.sha256 == hashlib.sha256(b"RIFF and so on").digest()


async def test_speech_that_goes_neither_way_is_given_back(sink: StorageSink, mayfly: FakeMayfly) -> None:
    for method in ("CommitUpload", "UploadAudio"):
        mayfly.refuse(method, grpc.StatusCode.UNAVAILABLE, "BACKEND_UNAVAILABLE", times=8)

    with pytest.raises(StorageUnavailableError):
        await sink.store(speech(), key=KEY, destination=NOWHERE)
    await sink.close()

    assert methods(mayfly)[-1] == "AbandonUpload"


async def test_an_upload_whose_caller_goes_away_is_given_back(sink: StorageSink, mayfly: FakeMayfly) -> None:
    mayfly.hang("CommitUpload")
    storing = asyncio.create_task(sink.store(speech(), key=KEY, destination=NOWHERE))
    async with asyncio.timeout(60):
        while "CommitUpload" not in methods(mayfly):  # noqa: ASYNC110 - the fake runs in threads of its own
            await asyncio.sleep(0.01)

    storing.cancel()
    await asyncio.gather(storing, return_exceptions=True)
    await sink.close()

    assert storing.cancelled()
    assert methods(mayfly)[-1] == "AbandonUpload"


async def test_a_retry_waits_until_the_try_before_it_has_given_up(sink: StorageSink, mayfly: FakeMayfly) -> None:
    mayfly.refuse("CommitUpload", grpc.StatusCode.RESOURCE_EXHAUSTED, "SERVER_BUSY")
    with pytest.raises(StorageUnavailableError):
        await sink.store(speech(), key=KEY, destination=NOWHERE)

    stored = await sink.store(speech(), key=KEY, destination=NOWHERE)

    assert stored.size_bytes == 14
    assert methods(mayfly)[:4] == ["CreateUpload", "CommitUpload", "AbandonUpload", "CreateUpload"]


async def test_a_link_that_fails_after_the_commit_is_had_by_a_retry(sink: StorageSink, mayfly: FakeMayfly) -> None:
    mayfly.refuse("SignUrls", grpc.StatusCode.RESOURCE_EXHAUSTED, "SERVER_BUSY")
    with pytest.raises(StorageUnavailableError):
        await sink.store(speech(), key=KEY, destination=NOWHERE)

    stored = await sink.store(speech(), key=KEY, destination=NOWHERE)

    assert stored.url
    assert methods(mayfly).count("CommitUpload") == 1


async def test_every_call_has_a_deadline(sink: StorageSink, mayfly: FakeMayfly) -> None:
    await sink.store(speech(), key=KEY, destination=NOWHERE)

    assert [call.method for call in mayfly.calls if call.seconds_left is None] == []
    assert methods(mayfly) == ["CreateUpload", "CommitUpload", "SignUrls"]


GUEST = Destination(guest_address="192.0.2.1")


def in_three_files() -> Speech:
    parts = tuple(speech(f"RIFF {number}".encode(), f"Number {number}.") for number in range(3))
    return dataclasses.replace(speech(b""), parts=parts)


SESSION = Destination(collection="speech-sessions", key_fields=(("session_id", "s1"),), user_id="u1")


async def test_files_that_belong_together_lie_side_by_side(sink: StorageSink, client: AsyncClient) -> None:
    stored = await store_all(sink, in_three_files(), key=KEY, destination=SESSION, reservation="")

    assert [one.object_key for one in stored] == [f"audio/users/u1/s1/segment_00{number}.wav" for number in range(3)]
    assert [await client.download(one.name) for one in stored] == [b"RIFF 0", b"RIFF 1", b"RIFF 2"]


async def test_no_file_can_be_read_if_one_of_them_fails(
    sink: StorageSink, client: AsyncClient, mayfly: FakeMayfly
) -> None:
    mayfly.refuse("CreateUpload", grpc.StatusCode.FAILED_PRECONDITION, "COLLECTION_FORBIDDEN")

    with pytest.raises(StorageRefusedError):
        await store_all(sink, in_three_files(), key=KEY, destination=SESSION, reservation="")

    await sink.close()
    assert "CommitUpload" not in methods(mayfly)
    assert [audio async for audio in client.list(collection="speech-sessions")] == []


async def stored_again(sink: StorageSink, mayfly: FakeMayfly, failing: str) -> tuple[StoredAudio, ...]:
    """What a retry stores after a call of the first try has failed."""
    mayfly.refuse(failing, grpc.StatusCode.RESOURCE_EXHAUSTED, "SERVER_BUSY")
    with pytest.raises(StorageUnavailableError):
        await store_all(sink, in_three_files(), key=KEY, destination=SESSION, reservation="")
    return await store_all(sink, in_three_files(), key=KEY, destination=SESSION, reservation="")


async def test_a_retry_finishes_what_a_failure_left(sink: StorageSink, mayfly: FakeMayfly) -> None:
    stored = await stored_again(sink, mayfly, "SignUrls")

    assert len({one.name for one in stored}) == 3


async def test_a_retry_stores_what_a_failure_gave_up(sink: StorageSink, mayfly: FakeMayfly) -> None:
    stored = await stored_again(sink, mayfly, "CommitUpload")

    assert len({one.name for one in stored}) == 3
    assert "AbandonUpload" in methods(mayfly)
