"""R34: whatever comes over the wire is answered as what it is, and never by a fault of the server."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from grpc import StatusCode
from grpc.aio import AioRpcError
from mayfly.storage.v1 import retention_service_pb2 as retention_pb
from mayfly.storage.v1 import storage_service_pb2 as storage_pb

from mayfly_runtime.testing import rpc_error
from mayfly_storage.testing import SOUND
from mayfly_storage.testing.hostile import Hostile
from mayfly_storage.testing.served import Served, serve
from mayfly_storage.testing.stage import Stage

if TYPE_CHECKING:
    import random
    from collections.abc import AsyncIterator, Callable, Sequence
    from pathlib import Path

    from google.protobuf.message import Message

    Cases = Callable[[int], range]

OURS_TO_MEND = {StatusCode.INTERNAL, StatusCode.UNKNOWN, StatusCode.DATA_LOSS, StatusCode.UNAVAILABLE}
SERVICES = {
    service.full_name: (number, service, package)
    for number, package in enumerate((storage_pb, retention_pb))
    for service in package.DESCRIPTOR.services_by_name.values()
}
METHODS = [(name, method.name) for name, (_, service, _) in SERVICES.items() for method in service.methods]


@pytest.fixture
async def aws(tmp_path: Path, aws_url: str) -> AsyncIterator[Served]:
    """Over S3 and DynamoDB, emulated, which carry out far more than they should."""
    from mayfly_storage.backends.aws.testing import emulated_options, open_emulated  # noqa: PLC0415 - slow to load

    stage = Stage()
    stage.clock.advance(datetime.now(UTC) - stage.clock.now())

    async def follow(*_: object, **__: object) -> Any:
        raise AssertionError("nobody follows links here")

    async with (
        open_emulated(emulated_options(aws_url), now=stage.clock.now) as backend,
        serve(stage, replace(stage.world, backend=backend), tmp_path, follow=follow) as served,
    ):
        yield served


@dataclass(frozen=True)
class Line:
    """One method, called with bytes."""

    served: Served
    service: str
    method: str

    @property
    def request(self) -> type[Message]:
        _, service, package = SERVICES[self.service]
        kind: type[Message] = getattr(package, service.methods_by_name[self.method].input_type.name)
        return kind

    async def send(self, *messages: bytes) -> StatusCode:
        """The status that it ends with."""
        number, service, _ = SERVICES[self.service]
        told = service.methods_by_name[self.method]
        kind = f"{'stream' if told.client_streaming else 'unary'}_{'stream' if told.server_streaming else 'unary'}"
        path = f"/{self.service}/{self.method}"
        channel: Any = self.served.channels[number]
        call = getattr(channel, kind)(path, request_serializer=None, response_deserializer=None)
        try:
            answer = call(iter(messages) if told.client_streaming else messages[0], timeout=30)
            if told.server_streaming:
                async for _ in answer:
                    pass
            else:
                await answer
        except AioRpcError as error:
            if told.client_streaming and error.details() == "Internal error from Core":
                # grpc.aio forgets what the server said if it is still writing when the server says it (grpc#36066).
                return StatusCode.CANCELLED
            return rpc_error(error).code  # with its details, whatever it is
        return StatusCode.OK


async def vocabulary(served: Served) -> dict[str, Sequence[Any]]:
    """What gets past the first look."""
    created = await served.storage.CreateUpload(served.create())
    kept = created.audio
    listed = await served.storage.ListAudio(storage_pb.ListAudioRequest(page_size=1))
    stranger = f"audio/2026-01-15/{uuid4()}"
    return {
        "name": [kept.name, stranger],
        "names": [kept.name, stranger],
        "attempt": [created.grant.attempt, created.grant.attempt.partition("~")[0], "~~"],
        "collection": ["temp-audio", "recordings", "speech-sessions", "debug", "pitches", "processing", ""],
        "content_type": ["audio/wav", "audio/mpeg"],
        "request_id": [str(uuid4()) for _ in range(3)],
        "sha256": [hashlib.sha256(SOUND).digest()],
        "size_bytes": [len(SOUND), 1, 10],
        "map_key": ["recording_id", "session_id", "index", "kind", "request_id", "pitch_id", "project_id", "filename"],
        "map_value": ["r1", "1", "debug-input", "a.wav"],
        "date": ["2026-01-15", kept.name.split("/")[1]],
        "user_id": ["u1"],
        "guest_address": ["203.0.113.7", "::1"],
        "page_size": [0, 1, 1_000],
        "page_token": [listed.next_page_token or "AAAA"],
        "object_key": [kept.object_key, "temp-audio/2026-01-15/x.wav", "users/u1/recordings/r1/audio.wav"],
        "object_key_prefix": ["temp-audio/", "users/u1/", ""],
        "location": [1, 2],
        "index": [0, 1],
        "count": [1, 2],
        "seconds": [1, 60, int(served.clock.now().timestamp()) + 3_600],
        "nanos": [0, 999_999_999, 1_000_000_000, -1],
        "etag": ["", "tag", kept.name],
    }


async def assert_it_serves(served: Served) -> None:
    """Whatever came before, the next caller is served."""
    saved = await served.storage.CreateUpload(served.create())
    assert saved.grant.url
    assert list(served.spool.iterdir()) == []


async def bombard(served: Served, chance: random.Random, rounds: range) -> Counter[StatusCode]:
    """Random messages to all methods in turn; how they were answered."""
    hostile = Hostile(chance, await vocabulary(served))
    codes: Counter[StatusCode] = Counter()
    for _ in rounds:
        for service, method in METHODS:
            line = Line(served, service, method)
            count = chance.randrange(6) if method == "UploadAudio" else 1
            messages = [hostile.wire(line.request) for _ in range(count)]
            code = await line.send(*messages)
            assert code not in OURS_TO_MEND, (method, [message.hex() for message in messages])
            codes[code] += 1
    return codes


async def test_random_messages_are_never_a_fault_in_memory(memory: Served, chance: random.Random, cases: Cases) -> None:
    codes = await bombard(memory, chance, cases(40))

    await assert_it_serves(memory)
    assert {StatusCode.OK, StatusCode.INVALID_ARGUMENT, StatusCode.NOT_FOUND} <= set(codes)


async def test_random_messages_are_never_a_fault_on_files(
    embedded: Served, chance: random.Random, cases: Cases
) -> None:
    await bombard(embedded, chance, cases(15))

    await assert_it_serves(embedded)


async def test_random_messages_are_never_a_fault_on_s3_and_dynamodb(
    aws: Served, chance: random.Random, cases: Cases
) -> None:
    await bombard(aws, chance, cases(5))

    await assert_it_serves(aws)
