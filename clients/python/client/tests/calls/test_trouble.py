"""Servers that fail, hang, ask for a token, or are not there."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
import pytest
from mayfly.storage.v1.storage_service_pb2 import GetStorageInfoRequest
from mayfly.storage.v1.storage_service_pb2_grpc import StorageServiceStub

from mayfly_client import (
    AsyncClient,
    AudioNotFoundError,
    Client,
    DeadlineError,
    UnauthenticatedError,
    UnavailableError,
    VoiceNotFoundError,
    from_rpc_error,
    open_channel,
)
from mayfly_client.testing import FakeMayfly

if TYPE_CHECKING:
    from collections.abc import Callable

UNAVAILABLE = grpc.StatusCode.UNAVAILABLE


async def test_a_read_is_tried_again(mayfly: Any, fake: FakeMayfly) -> None:
    fake.refuse("ListVoices", UNAVAILABLE, "", times=2)

    assert len(await mayfly.call("voices")) == 2
    assert [call.method for call in fake.calls] == ["ListVoices"] * 3


async def test_a_request_with_an_id_is_tried_again_as_the_same_request(mayfly: Any, fake: FakeMayfly) -> None:
    fake.refuse("Synthesize", UNAVAILABLE, "", times=2)

    await mayfly.call("speak", "Hello.")

    requests: list[Any] = [call.request for call in fake.calls]
    assert len(requests) == 3
    assert requests[0].request_id
    assert requests[0] == requests[1] == requests[2]
    assert len(await mayfly.collect("list")) == 1


async def test_a_change_without_an_id_is_never_tried_again(mayfly: Any, fake: FakeMayfly) -> None:
    fake.refuse("DeleteAudio", UNAVAILABLE, "BACKEND_UNAVAILABLE")

    with pytest.raises(UnavailableError):
        await mayfly.call("delete", "audio/2025-12-08/x")

    assert len(fake.calls) == 1


@pytest.mark.parametrize(
    ("stream", "method", "args", "options"),
    [
        (
            "UploadAudio",
            "upload_stream",
            (bytes(1_000_000),),
            {"collection": "temp-audio", "content_type": "audio/wav"},
        ),
        ("ProcessAudio", "process_audio", (bytes(1_000_000),), {}),
    ],
)
async def test_a_refusal_is_told_though_more_was_on_its_way(
    mayfly: Any, fake: FakeMayfly, stream: str, method: str, args: tuple[Any, ...], options: dict[str, Any]
) -> None:
    tries = 40  # one in thirty went wrong, by which of two events came first
    fake.refuse(stream, grpc.StatusCode.NOT_FOUND, "AUDIO_NOT_FOUND", times=tries)

    for _ in range(tries):
        with pytest.raises(AudioNotFoundError):
            await mayfly.call(method, *args, **options)


async def test_speech_is_refused_with_the_servers_own_words_though_its_text_was_on_its_way(mayfly: Any) -> None:
    for _ in range(40):
        with pytest.raises(VoiceNotFoundError):
            await mayfly.collect("stream_speech", "Hello." * 1_000, voice="nobody")


async def test_other_failures_are_never_tried_again(mayfly: Any, fake: FakeMayfly) -> None:
    fake.refuse("GetAudio", grpc.StatusCode.ABORTED, "UPLOAD_FENCED")

    with pytest.raises(Exception, match="was told to fail"):
        await mayfly.call("get", "audio/2025-12-08/x")

    assert len(fake.calls) == 1


async def test_a_server_that_stays_away_is_given_up(mayfly: Any, fake: FakeMayfly) -> None:
    fake.refuse("GetAudio", UNAVAILABLE, "BACKEND_UNAVAILABLE", times=9)

    with pytest.raises(UnavailableError) as caught:
        await mayfly.call("get", "audio/2025-12-08/x")

    assert caught.value.reason == "BACKEND_UNAVAILABLE"
    assert len(fake.calls) == 4


async def test_a_server_that_hangs_ends_with_the_deadline(mayfly: Any, fake: FakeMayfly) -> None:
    await mayfly.call("storage_info")  # connected, so that the time is spent on the call
    fake.hang("GetStorageInfo")

    with pytest.raises(DeadlineError, match=f"storage at {fake.storage} did not answer in time"):
        await mayfly.call("storage_info", timeout=2)

    _, call = fake.calls
    assert call.seconds_left is not None
    assert call.seconds_left < 3


async def test_every_call_has_a_deadline_even_if_none_is_asked_for(mayfly: Any, fake: FakeMayfly) -> None:
    speech = await mayfly.call("speak", "Hello.")
    await mayfly.collect("stream_speech", "Hello.")
    await mayfly.call("upload_stream", b"RIFF", collection="temp-audio", content_type="audio/wav")
    await mayfly.call("save", b"RIFF", collection="temp-audio", content_type="audio/wav")
    await mayfly.call("download", speech.name)
    await mayfly.collect("watch_sweep", (await mayfly.call("start_sweep")).name)

    left = {call.method: call.seconds_left for call in fake.calls}
    assert None not in left.values()
    # 10 s for a call, 100 s for a stream, as the fake's client is set; gRPC rounds up on the wire.
    assert all(seconds < 15 for method, seconds in left.items() if method in {"Synthesize", "GetAudio", "SignUrls"})
    assert all(50 < seconds < 150 for method, seconds in left.items() if method in {"StreamSynthesize", "UploadAudio"})


async def test_a_transfer_that_takes_too_long_is_given_up_and_given_back(mayfly: Any, fake: FakeMayfly) -> None:
    fake.hang("CommitUpload")

    with pytest.raises(DeadlineError):
        # Time enough to come to the commit on any machine.
        await mayfly.call("save", b"RIFF", collection="temp-audio", content_type="audio/wav", timeout=4)

    assert [call.method for call in fake.calls] == ["CreateUpload", "CommitUpload", "AbandonUpload"]


async def test_a_cancelled_save_is_given_back(fake: FakeMayfly) -> None:
    fake.hang("CommitUpload")
    async with fake.async_client() as client:
        committing = asyncio.Event()
        task = asyncio.create_task(
            client.save(
                b"RIFF",
                collection="temp-audio",
                content_type="audio/wav",
                progress=lambda *_: committing.set(),
            ),
        )
        await committing.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    assert fake.calls[-1].method == "AbandonUpload"


@pytest.mark.parametrize("kind", [AsyncClient, Client])
async def test_no_server_at_all(kind: Callable[..., Any]) -> None:
    client = kind(synth="127.0.0.1:1", timeout=60)

    with pytest.raises(UnavailableError, match=r"synth at 127\.0\.0\.1:1 does not answer \(connection refused\)"):
        await (client.speak("Hello.") if kind is AsyncClient else asyncio.to_thread(client.speak, "Hello."))

    closed = client.close()
    if closed is not None:
        await closed


async def test_a_token_travels_with_every_kind_of_call() -> None:
    with FakeMayfly(token="sesame") as fake:
        async with fake.async_client() as client:
            await client.speak("Hello.")
            _ = [item async for item in client.stream_speech("Hello.")]
            await client.upload_stream(b"RIFF", collection="temp-audio", content_type="audio/wav")
            _ = [each async for each in client.watch_sweep((await client.start_sweep()).name)]
        with fake.client() as same:
            await asyncio.to_thread(same.speak, "Hello.")
            await asyncio.to_thread(lambda: list(same.stream_speech("Hello.")))
            await asyncio.to_thread(same.upload_stream, b"R", collection="temp-audio", content_type="audio/wav")
            await asyncio.to_thread(lambda: list(same.watch_sweep(same.start_sweep().name)))

        assert {call.metadata["authorization"] for call in fake.calls} == {"Bearer sesame"}
        assert len({call.method for call in fake.calls}) == 5


async def test_without_its_token_a_caller_is_not_known() -> None:
    with FakeMayfly(token="sesame") as fake, Client(storage=fake.storage) as client:
        with pytest.raises(UnauthenticatedError) as caught:
            await asyncio.to_thread(client.storage_info)

        assert "MAYFLY_TOKEN" in caught.value.remedy


async def test_a_closed_client_says_so(fake: FakeMayfly) -> None:
    client, same = fake.async_client(), fake.client()
    await client.close()
    same.close()

    with pytest.raises(RuntimeError, match="closed"):
        await client.voices()
    with pytest.raises(RuntimeError, match="closed"):
        same.voices()


async def test_interceptors_of_the_caller_see_every_call(fake: FakeMayfly) -> None:
    seen: list[Any] = []

    class Watcher(grpc.aio.UnaryUnaryClientInterceptor):
        async def intercept_unary_unary(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
            seen.append(client_call_details.method)
            return await continuation(client_call_details, request)

    async with AsyncClient(synth=fake.synth, interceptors=[Watcher()]) as client:
        await client.voices()

    assert len(seen) == 1


async def test_the_generated_stubs_work_over_the_same_channels(fake: FakeMayfly) -> None:
    async with open_channel(fake.storage) as channel:
        stub = StorageServiceStub(channel)
        answer = await stub.GetStorageInfo(GetStorageInfoRequest(), timeout=60)
        fake.refuse("GetStorageInfo", grpc.StatusCode.FAILED_PRECONDITION, "BACKEND_MISCONFIGURED")
        with pytest.raises(grpc.RpcError) as caught:
            await stub.GetStorageInfo(GetStorageInfoRequest(), timeout=60)

    assert answer.backend == "embedded"
    assert from_rpc_error(caught.value).reason == "BACKEND_MISCONFIGURED"
