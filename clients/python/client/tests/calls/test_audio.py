from __future__ import annotations

import hashlib
import uuid
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import grpc
import httpx
import pytest

from mayfly_client import (
    Audio,
    AudioFailure,
    AudioNotFoundError,
    AudioState,
    ConflictError,
    ContentMismatchError,
    InvalidRequestError,
    LimitedBy,
    LinkEndedError,
    SignedUrl,
    UnavailableError,
    UploadGrant,
    grants,
)

if TYPE_CHECKING:
    from pathlib import Path

    from mayfly_client.testing import FakeMayfly

DATA = bytes(range(256)) * 2_048  # twice the size that is in memory at a time
RECORDING: dict[str, Any] = {"collection": "recordings", "content_type": "audio/wav", "user_id": "u1"}


async def save(mayfly: Any, data: bytes = b"RIFF", **options: Any) -> Audio:
    found = await mayfly.call("save", data, **{"collection": "temp-audio", "content_type": "audio/wav", **options})
    assert isinstance(found, Audio)
    return found


async def test_saved_bytes_come_back_the_same(mayfly: Any) -> None:
    audio = await save(mayfly, DATA, key_fields={"recording_id": "r1"}, duration=2.5, labels={"a": "b"}, **RECORDING)

    assert audio.state is AudioState.READY
    assert audio.object_key == "users/u1/recordings/r1/audio.wav"
    assert audio.file_name == "audio.wav"
    assert audio.sha256 == hashlib.sha256(DATA).digest()
    assert audio.duration == timedelta(seconds=2.5)
    assert audio.expire_time is None
    assert audio == await mayfly.call("get", audio.name)
    assert await mayfly.call("download", audio.name) == DATA


async def test_a_file_is_saved_with_the_type_of_its_suffix_and_its_progress(mayfly: Any, tmp_path: Path) -> None:
    source, seen = tmp_path / "clip.mp3", []
    source.write_bytes(DATA * 2)

    audio = await mayfly.call("save", source, collection="temp-audio", progress=lambda *step: seen.append(step))

    assert audio.content_type == "audio/mpeg"
    assert seen == [(524_288, 1_048_576), (1_048_576, 1_048_576)]


async def test_a_download_goes_to_a_file_with_its_progress(mayfly: Any, tmp_path: Path) -> None:
    audio, seen = await save(mayfly, DATA), []

    path = await mayfly.call("download", audio.name, tmp_path, progress=lambda *step: seen.append(step))

    assert path == tmp_path / audio.file_name
    assert path.read_bytes() == DATA
    assert seen[-1] == (len(DATA), len(DATA))


async def test_bytes_without_a_type_are_refused(mayfly: Any) -> None:
    with pytest.raises(ValueError, match="pass content_type="):
        await mayfly.call("save", b"RIFF", collection="temp-audio")


async def test_a_source_must_be_bytes_or_a_path(mayfly: Any) -> None:
    with pytest.raises(TypeError, match=r"must be bytes or a pathlib\.Path, not str"):
        await save(mayfly, "clip.wav")  # type: ignore[arg-type] # the mistake


async def test_the_same_request_is_saved_once(mayfly: Any) -> None:
    request_id = str(uuid.uuid4())

    first = await save(mayfly, request_id=request_id)
    again = await save(mayfly, request_id=request_id)

    assert again == first
    assert len(await mayfly.collect("list")) == 1
    with pytest.raises(ConflictError) as caught:
        await save(mayfly, b"other", request_id=request_id)
    assert caught.value.reason == "IDEMPOTENCY_KEY_REUSED"


async def test_an_upload_that_cannot_be_committed_is_given_back(mayfly: Any, fake: FakeMayfly) -> None:
    fake.refuse("CommitUpload", grpc.StatusCode.FAILED_PRECONDITION, "CONTENT_MISMATCH")

    with pytest.raises(ContentMismatchError):
        await save(mayfly)

    assert [call.method for call in fake.calls] == ["CreateUpload", "CommitUpload", "AbandonUpload"]


async def test_where_the_store_is_not_to_be_reached_the_bytes_go_through_storage(mayfly: Any, fake: FakeMayfly) -> None:
    fake.refuse("CommitUpload", grpc.StatusCode.UNAVAILABLE, "BACKEND_UNAVAILABLE", times=4)

    audio = await save(mayfly, DATA)

    assert [call.method for call in fake.calls] == ["CreateUpload", *["CommitUpload"] * 4, "UploadAudio"]
    assert len(await mayfly.collect("list")) == 1
    assert (await mayfly.call("download", audio.name)) == DATA


async def test_an_upload_that_goes_neither_way_is_given_back(mayfly: Any, fake: FakeMayfly) -> None:
    for method in ("CommitUpload", "UploadAudio"):
        fake.refuse(method, grpc.StatusCode.UNAVAILABLE, "BACKEND_UNAVAILABLE", times=8)

    with pytest.raises(UnavailableError):
        await save(mayfly)

    assert fake.calls[-1].method == "AbandonUpload"
    assert await mayfly.collect("list") == []


async def test_a_commit_whose_answer_was_lost_is_asked_again(mayfly: Any, fake: FakeMayfly) -> None:
    fake.refuse("CommitUpload", grpc.StatusCode.UNAVAILABLE, "BACKEND_UNAVAILABLE")

    audio = await save(mayfly)

    assert (await mayfly.call("get", audio.name)).name == audio.name
    assert [call.method for call in fake.calls][:3] == ["CreateUpload", "CommitUpload", "CommitUpload"]


async def test_the_three_steps_by_hand(mayfly: Any) -> None:
    upload = await mayfly.call(
        "create_upload",
        collection="temp-audio",
        content_type="audio/wav",
        size_bytes=len(DATA),
        sha256=hashlib.sha256(DATA).digest(),
    )
    with pytest.raises(AudioNotFoundError):
        await mayfly.call("get", upload.audio.name)
    assert upload.grant.enforced == {"SIZE", "WRITE_ONCE"}

    etags = await put(mayfly, upload.grant, DATA)
    again = await put(mayfly, upload.grant, DATA)
    audio = await mayfly.call("commit_upload", upload.audio.name, upload.grant.attempt, part_etags=etags)

    assert (etags, again) == ((), ())
    assert audio.state is AudioState.READY


async def test_other_bytes_than_announced_are_never_readable(mayfly: Any) -> None:
    sha256 = hashlib.sha256(b"announced").digest()
    upload = await mayfly.call(
        "create_upload", collection="temp-audio", content_type="audio/wav", size_bytes=9, sha256=sha256
    )
    await put(mayfly, upload.grant, b"different")

    with pytest.raises(ContentMismatchError) as caught:
        await mayfly.call("commit_upload", upload.audio.name, upload.grant.attempt)

    assert caught.value.metadata["field"] == "sha256"


async def test_a_grant_ends(mayfly: Any, fake: FakeMayfly) -> None:
    upload = await mayfly.call(
        "create_upload", collection="temp-audio", content_type="audio/wav", size_bytes=4, sha256=bytes(32)
    )
    fake.clock.advance(timedelta(minutes=3))

    with pytest.raises(LinkEndedError, match="HTTP 410"):
        await put(mayfly, upload.grant, b"RIFF")


async def test_an_abandoned_upload_is_gone_however_often_it_is_abandoned(mayfly: Any) -> None:
    upload = await mayfly.call(
        "create_upload", collection="temp-audio", content_type="audio/wav", size_bytes=4, sha256=bytes(32)
    )

    for _ in range(2):
        await mayfly.call("abandon_upload", upload.audio.name, upload.grant.attempt)

    with pytest.raises(AudioNotFoundError):
        await mayfly.call("commit_upload", upload.audio.name, upload.grant.attempt)


async def test_a_streamed_upload_needs_no_http(mayfly: Any, tmp_path: Path) -> None:
    source = tmp_path / "clip.wav"
    source.write_bytes(DATA)

    from_bytes = await mayfly.call("upload_stream", DATA, collection="temp-audio", content_type="audio/wav")
    from_file = await mayfly.call("upload_stream", source, collection="temp-audio")

    assert from_bytes.sha256 == from_file.sha256 == hashlib.sha256(DATA).digest()


async def test_expired_audio_is_not_found_and_its_link_refused(mayfly: Any, fake: FakeMayfly) -> None:
    audio = await save(mayfly, ttl=timedelta(minutes=5))
    link = await mayfly.call("url", audio.name, ttl=timedelta(hours=1))
    async with httpx.AsyncClient(timeout=60) as http:
        before = await http.get(link.url)
        fake.clock.advance(timedelta(minutes=5))
        after = await http.get(link.url)

    assert (link.limited_by, link.expire_time) == (LimitedBy.OBJECT, audio.expire_time)
    assert (before.status_code, before.content, after.status_code) == (200, b"RIFF", 410)
    with pytest.raises(AudioNotFoundError) as caught:
        await mayfly.call("get", audio.name)
    assert caught.value.metadata == {"name": audio.name}


async def test_each_name_has_its_own_outcome(mayfly: Any) -> None:
    audio = await save(mayfly)

    signed, failure = await mayfly.call("sign", [audio.name, "audio/2025-12-08/none"])

    assert isinstance(signed, SignedUrl)
    assert signed.name == audio.name
    assert isinstance(failure, AudioFailure)
    assert (failure.name, failure.reason) == ("audio/2025-12-08/none", "AUDIO_NOT_FOUND")


async def test_a_single_link_raises_instead(mayfly: Any) -> None:
    with pytest.raises(AudioNotFoundError, match="no readable audio"):
        await mayfly.call("url", "audio/2025-12-08/none")


async def test_more_names_than_a_call_takes_are_signed_in_order(mayfly: Any, fake: FakeMayfly) -> None:
    names = [f"audio/2025-12-08/{number}" for number in range(1_001)]

    outcomes = await mayfly.call("sign", names)

    assert [each.name for each in outcomes] == names
    assert [call.method for call in fake.calls] == ["SignUrls", "SignUrls"]


async def test_lists_are_fetched_page_by_page(mayfly: Any, fake: FakeMayfly) -> None:
    saved = {(await save(mayfly, data=bytes([number]))).name for number in range(5)}

    listed = await mayfly.collect("list", page_size=2)

    assert {each.name for each in listed} == saved
    assert [call.method for call in fake.calls].count("ListAudio") == 3


async def test_lists_are_filtered(mayfly: Any) -> None:
    await save(mayfly)
    mine = await save(mayfly, key_fields={"recording_id": "r1"}, **RECORDING)

    assert await mayfly.collect("list", user_id="u1") == [mine]
    assert await mayfly.collect("list", collection="recordings") == [mine]
    assert await mayfly.collect("list", object_key_prefix="users/u1/") == [mine]
    assert await mayfly.collect("list", date="2001-01-01") == []
    with pytest.raises(InvalidRequestError) as caught:
        await mayfly.collect("list", collection="temp_audio")
    assert caught.value.reason == "COLLECTION_UNKNOWN"
    assert "temp-audio" in caught.value.metadata["allowed"]


async def test_deleting_twice_is_no_error(mayfly: Any) -> None:
    audio = await save(mayfly)

    assert await mayfly.call("delete", audio.name) is True
    assert await mayfly.call("delete", audio.name) is False
    with pytest.raises(AudioNotFoundError):
        await mayfly.call("download", audio.name)


async def test_the_store_describes_itself(mayfly: Any) -> None:
    info = await mayfly.call("storage_info")

    assert info.backend == "embedded"
    assert [each.id for each in info.collections][:2] == ["temp-audio", "speech-sessions"]
    assert info.collections[0].lifetime == timedelta(hours=24)
    assert info.collections[2].lifetime is None


async def put(mayfly: Any, grant: UploadGrant, data: bytes) -> tuple[str, ...]:
    if isinstance(mayfly.client.http, httpx.AsyncClient):
        return await grants.put_grant(mayfly.client.http, grant, data)
    return grants.put_grant_sync(mayfly.client.http, grant, data)
