"""What bad input gets: the right reason, a helpful message, and nothing kept."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import grpc
import httpx
import pytest
from mayfly.storage.v1 import (
    audio_pb2,
    retention_service_pb2,
    storage_service_pb2,
    storage_service_pb2_grpc,
)
from mayfly.sweeper.v1 import sweeper_service_pb2
from mayfly.synth.v1 import synth_service_pb2

from mayfly_client import AsyncClient, MayflyError, SweepState
from tests.waiting import PATIENCE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from google.protobuf.descriptor import MethodDescriptor

    from tests.conftest import Stack

BODY = b"RIFF" + bytes(1_000)


@pytest.fixture
async def embedded_client(embedded: Stack) -> AsyncIterator[AsyncClient]:
    async with embedded.client() as opened:
        yield opened


SPEECH: list[tuple[str, dict[str, Any], str, str]] = [
    ("", {}, "TEXT_EMPTY", "text"),
    (" \n\t ", {}, "TEXT_EMPTY", "text"),
    ("x" * 5_001, {}, "TEXT_TOO_LONG", "5,000"),
    ("a\x07b", {}, "TEXT_UNSPEAKABLE", "control"),
    ("Hello.", {"voice": "en_US-mayfly-lwo"}, "VOICE_UNKNOWN", "en_US-mayfly-low"),
    ("Hello.", {"format": "opus", "sample_rate_hertz": 44_100}, "INVALID_REQUEST", "sample_rate_hertz"),
    ("Hello.", {"speed": 9.0}, "INVALID_REQUEST", "speed"),
    ("Hello.", {"collection": "nowhere"}, "STORAGE_REFUSED", "temp-audio"),
    ("Hello.", {"request_id": "not-a-uuid"}, "INVALID_REQUEST", "request_id"),
]


@pytest.mark.parametrize(
    ("text", "options", "reason", "told"), SPEECH, ids=[row[2] + str(i) for i, row in enumerate(SPEECH)]
)
async def test_speech_that_cannot_be_is_refused_with_its_reason(
    embedded_client: AsyncClient, text: str, options: dict[str, Any], reason: str, told: str
) -> None:
    with pytest.raises(MayflyError) as caught:
        await embedded_client.speak(text, **options)

    assert caught.value.reason == reason
    assert told in str(caught.value)


async def test_a_refused_text_is_not_in_its_error(embedded_client: AsyncClient) -> None:
    with pytest.raises(MayflyError) as caught:
        await embedded_client.speak("canary-5150" * 1_000)

    assert "canary" not in repr(caught.value)
    assert "canary" not in str(caught.value)


NAMES = [
    ("audio/nonsense", "INVALID_REQUEST"),
    ("../../etc/passwd", "INVALID_REQUEST"),
    ("audio/2025-13-40/f47ac10b-58cc-4372-a567-0e02b2c3d479", "INVALID_REQUEST"),
    ("audio/2025-12-08/f47ac10b-58cc-4372-a567-0e02b2c3d479", "AUDIO_NOT_FOUND"),
]


@pytest.mark.parametrize(("name", "reason"), NAMES)
async def test_a_name_that_names_nothing_is_refused(embedded_client: AsyncClient, name: str, reason: str) -> None:
    with pytest.raises(MayflyError) as caught:
        await embedded_client.get(name)

    assert caught.value.reason == reason


PAGES = [({"page_size": -1}, "page_size"), ({"page_token": "AAAA"}, "page_token"), ({"date": "yesterday"}, "date")]


@pytest.mark.parametrize(("filters", "told"), PAGES)
async def test_a_listing_that_makes_no_sense_is_refused(embedded: Stack, filters: dict[str, Any], told: str) -> None:
    async with grpc.aio.insecure_channel(embedded.address("storage")) as channel:
        stub = storage_service_pb2_grpc.StorageServiceStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.ListAudio(storage_service_pb2.ListAudioRequest(**filters), timeout=PATIENCE)

    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert told.replace("_", " ") in str(caught.value.details()).replace("_", " ")


async def test_a_page_token_of_other_filters_is_refused(embedded: Stack, embedded_client: AsyncClient) -> None:
    for _ in range(2):
        await embedded_client.speak("One of two.")
    async with grpc.aio.insecure_channel(embedded.address("storage")) as channel:
        stub = storage_service_pb2_grpc.StorageServiceStub(channel)
        page = await stub.ListAudio(
            storage_service_pb2.ListAudioRequest(collection="temp-audio", page_size=1), timeout=PATIENCE
        )
        foreign = storage_service_pb2.ListAudioRequest(collection="recordings", page_token=page.next_page_token)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.ListAudio(foreign, timeout=PATIENCE)

    assert page.next_page_token
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def create(client: AsyncClient, body: bytes = BODY) -> Any:
    return await client.create_upload(
        size_bytes=len(body), sha256=hashlib.sha256(body).digest(), collection="temp-audio", content_type="audio/wav"
    )


async def put(grant: Any, body: bytes, **headers: str) -> httpx.Response:
    async with httpx.AsyncClient(timeout=PATIENCE) as http:
        return await http.put(grant.url, content=body, headers={**grant.headers, **headers})


async def test_other_bytes_than_announced_are_refused_and_nothing_is_kept(embedded_client: AsyncClient) -> None:
    upload = await create(embedded_client)

    response = await put(upload.grant, BODY[:-1] + b"\x01")

    assert response.status_code in {400, 409, 412, 422}
    with pytest.raises(MayflyError) as caught:
        await embedded_client.commit_upload(upload.audio.name, upload.grant.attempt)
    assert caught.value.reason == "UPLOAD_INCOMPLETE"


async def test_more_or_fewer_bytes_than_announced_are_refused(embedded_client: AsyncClient) -> None:
    upload = await create(embedded_client)

    async with httpx.AsyncClient(timeout=PATIENCE) as http:
        statuses = [(await http.put(upload.grant.url, content=body)).status_code for body in (BODY[:-1], BODY + b"x")]

    assert all(400 <= status < 500 for status in statuses)


async def test_a_stream_with_another_checksum_is_refused_and_leaves_nothing(embedded: Stack) -> None:
    body = b"these bytes are nowhere else"
    audio = audio_pb2.NewAudio(collection="temp-audio", content_type="audio/wav")
    header = storage_service_pb2.UploadAudioHeader(request_id=str(uuid4()), audio=audio, sha256=b"\0" * 32)
    messages = [
        storage_service_pb2.UploadAudioRequest(header=header),
        storage_service_pb2.UploadAudioRequest(chunk=body),
        storage_service_pb2.UploadAudioRequest(footer=storage_service_pb2.UploadAudioFooter(size_bytes=len(body))),
    ]
    async with grpc.aio.insecure_channel(embedded.address("storage")) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await storage_service_pb2_grpc.StorageServiceStub(channel).UploadAudio(iter(messages), timeout=PATIENCE)

    assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert "sha256" in str(caught.value.details())
    assert not [path for path in embedded.layout.data.rglob("*") if path.is_file() and path.read_bytes() == body]


async def test_a_grant_is_used_once(embedded_client: AsyncClient) -> None:
    upload = await create(embedded_client)
    assert (await put(upload.grant, BODY)).is_success
    await embedded_client.commit_upload(upload.audio.name, upload.grant.attempt)

    replayed = await put(upload.grant, BODY)

    assert replayed.status_code in {200, 409, 410, 412}  # 200: they were its own bytes
    assert await embedded_client.download(upload.audio.name) == BODY


async def test_a_commit_by_another_attempt_is_fenced(embedded_client: AsyncClient) -> None:
    upload = await create(embedded_client)

    with pytest.raises(MayflyError) as caught:
        await embedded_client.commit_upload(upload.audio.name, "another-attempt")

    assert caught.value.reason == "UPLOAD_FENCED"


@pytest.mark.parametrize("change", ["path", "exp", "sig", "kid", "method", "none"])
async def test_a_tampered_link_is_refused(embedded_client: AsyncClient, change: str) -> None:
    speech = await embedded_client.speak("Tamper with me.")
    other = await embedded_client.speak("And with me.")
    assert speech.stored is not None
    assert other.stored is not None
    url = httpx.URL(speech.stored.url)
    tampered = {
        "path": url.copy_with(path=httpx.URL(other.stored.url).path),
        "exp": url.copy_set_param("exp", str(int(url.params["exp"]) + 1)),
        "sig": url.copy_set_param("sig", url.params["sig"][::-1]),
        "kid": url.copy_set_param("kid", "00000000"),
        "method": url,
        "none": url.copy_with(query=None),
    }[change]

    async with httpx.AsyncClient(timeout=PATIENCE) as http:
        response = await http.request(
            "PUT" if change == "method" else "GET", tampered, content=b"x" if change == "method" else None
        )

    assert response.status_code in {400, 401, 403, 404, 405, 411}
    assert url.params["sig"] not in response.text


async def test_an_unknown_collection_fails_a_sweep_with_its_name(embedded_client: AsyncClient) -> None:
    started = await embedded_client.start_sweep(collection="nowhere")
    *_, last = [state async for state in embedded_client.watch_sweep(started.name)]

    assert last.state is SweepState.FAILED
    assert "nowhere" in last.failure


def rpcs_of(stack: Stack) -> Iterator[tuple[str, MethodDescriptor]]:
    """Each RPC of the set, and where it is served."""
    doors = {"storage": storage_service_pb2, "retention": retention_service_pb2}
    doors |= {"synth": synth_service_pb2, "sweeper": sweeper_service_pb2}
    for door, module in doors.items():
        for service in module.DESCRIPTOR.services_by_name.values():
            yield from ((stack.address(door), method) for method in service.methods)


async def answer_to_nothing(address: str, method: MethodDescriptor) -> tuple[grpc.StatusCode, str]:
    """How a call with an empty request ends; a stream of no requests, where the method takes a stream."""
    path = f"/{method.containing_service.full_name}/{method.name}"
    async with grpc.aio.insecure_channel(address) as channel:
        arity = f"{'stream' if method.client_streaming else 'unary'}_{'stream' if method.server_streaming else 'unary'}"
        call = getattr(channel, arity)(path)(iter(()) if method.client_streaming else b"", timeout=PATIENCE)
        return await call.code(), await call.details()


async def test_every_rpc_of_the_contracts_is_served(embedded: Stack) -> None:
    answers = {method.name: await answer_to_nothing(address, method) for address, method in rpcs_of(embedded)}
    usual = {grpc.StatusCode.OK, grpc.StatusCode.INVALID_ARGUMENT}
    assert len(answers) > 30
    assert {name: answer for name, answer in answers.items() if answer[0] not in usual} == {}
