"""A field comment that starts with `Required.` is a promise: the running services hold it, field by field.

The comments are read from the contracts themselves, so a new required field is tested without a change here; only a new
RPC needs a sample.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import grpc
import pytest
from google.protobuf import descriptor_pb2, json_format, message_factory
from google.protobuf.message import Message
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from mayfly.storage.v1 import retention_service_pb2, storage_service_pb2
from mayfly.sweeper.v1 import sweeper_service_pb2
from mayfly.synth.v1 import synth_service_pb2

from tests.waiting import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from google.protobuf.descriptor import Descriptor, MethodDescriptor

PROTOS = Path(__file__).resolve().parents[2] / "protos"
NAME = "audio/2025-12-08/f47ac10b-58cc-4372-a567-0e02b2c3d479"
NEW_AUDIO = {"collection": "temp-audio", "contentType": "audio/wav", "subject": {"userId": "u1"}}
ITEM = {"name": NAME, "location": "LOCATION_LOCAL", "objectKey": "temp-audio/x.wav", "reason": "DUE_REASON_EXPIRED"}
SHA256 = "A" * 43 + "="
SERVICES = {
    "storage": storage_service_pb2.DESCRIPTOR.services_by_name["StorageService"],
    "retention": retention_service_pb2.DESCRIPTOR.services_by_name["RetentionService"],
    "synth": synth_service_pb2.DESCRIPTOR.services_by_name["SynthService"],
    "sweeper": sweeper_service_pb2.DESCRIPTOR.services_by_name["SweeperService"],
}

# One valid request for each method; for those that stream, its first message.
SAMPLES: dict[str, dict[str, Any]] = {
    "ReserveQuota": {"requestId": "", "subject": {"userId": "u1"}, "collection": "temp-audio"},
    "CreateUpload": {"requestId": "", "audio": NEW_AUDIO, "sizeBytes": 1, "sha256": SHA256},
    "CommitUpload": {"name": NAME, "attempt": "a"},
    "AbandonUpload": {"name": NAME, "attempt": "a"},
    "UploadAudio": {"header": {"requestId": "", "audio": NEW_AUDIO}},
    "GetAudio": {"name": NAME},
    "ListAudio": {"subject": {"userId": "u1"}},
    "DeleteAudio": {"name": NAME},
    "BatchDeleteAudio": {"names": [NAME]},
    "SignUrls": {"names": [NAME]},
    "DownloadAudio": {"name": NAME},
    "RetainAudio": {"name": NAME, "ttl": "60s"},
    "ForgetSubject": {"subject": {"userId": "u1"}},
    "GetStorageInfo": {},
    "GetUsage": {},
    "ListExpired": {"shard": {"index": 0, "count": 1}},
    "ListOrphans": {"shard": {"index": 0, "count": 1}},
    "PurgeAudio": {"items": [ITEM]},
    "VerifyGone": {"items": [ITEM]},
    # {"previous_sha256":""}: other tests read the chain to its beginning.
    "AppendCertificate": {"requestId": "", "body": "eyJwcmV2aW91c19zaGEyNTYiOiIifQ=="},
    "ListCertificates": {},
    "DescribeStore": {},
    "ListVoices": {},
    "GetVoice": {"name": "en_US-mayfly-low"},
    "Phonemize": {"text": "Hello."},
    "Synthesize": {"requestId": "", "text": "Hello."},
    "StreamSynthesize": {"config": {"requestId": "", "discard": True}},
    "ProcessAudio": {"config": {"requestId": ""}},
    "StartSweep": {"requestId": "", "dryRun": True, "shard": {"index": 0, "count": 1}},
    "WatchSweep": {"name": f"sweeps/{uuid4()}"},
    "GetSweep": {"name": f"sweeps/{uuid4()}"},
    "ListSweeps": {},
}


@dataclass(frozen=True, slots=True)
class Promise:
    """A required field (or oneof) of a method's request, by its path from the request."""

    service: str
    method: MethodDescriptor
    path: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.method.name}:{'.'.join(self.path) or 'payload'}"


def comments() -> dict[str, str]:
    """The leading comment of each field and oneof of the contracts, by full name."""
    files = sorted(str(path.relative_to(PROTOS)) for path in PROTOS.rglob("*.proto"))
    command = [
        sys.executable,
        "-m",
        "grpc_tools.protoc",
        f"-I{PROTOS}",
        "--include_source_info",
        "-o/dev/stdout",
        *files,
    ]
    made = subprocess.run(command, check=True, capture_output=True).stdout
    found: dict[str, str] = {}
    for file in descriptor_pb2.FileDescriptorSet.FromString(made).file:
        by_path = {tuple(location.path): location.leading_comments for location in file.source_code_info.location}
        for index, message in enumerate(file.message_type):
            found |= dict(message_comments(message, (4, index), f"{file.package}.{message.name}", by_path))
    return found


def message_comments(
    message: descriptor_pb2.DescriptorProto, path: tuple[int, ...], name: str, by_path: dict[tuple[int, ...], str]
) -> Iterator[tuple[str, str]]:
    """Name and comment of everything in a message (2: field, 8: oneof, 3: message)."""
    for index, field in enumerate(message.field):
        yield f"{name}.{field.name}", by_path.get((*path, 2, index), "")
    for index, oneof in enumerate(message.oneof_decl):
        yield f"{name}.{oneof.name}", by_path.get((*path, 8, index), "")
    for index, nested in enumerate(message.nested_type):
        yield from message_comments(nested, (*path, 3, index), f"{name}.{nested.name}", by_path)


COMMENTS = comments()


def is_required(name: str) -> bool:
    """Whether the comment of a field or oneof promises that it is required."""
    return COMMENTS.get(name, "").strip().startswith("Required.")


def sample(method: MethodDescriptor) -> Message:
    """A valid request, with a fresh request_id."""
    text = SAMPLES[method.name]
    fresh = {"requestId": str(uuid4())}
    filled = {
        key: ({**value, **fresh} if isinstance(value, dict) and "requestId" in value else value)
        for key, value in text.items()
    }
    request = message_factory.GetMessageClass(method.input_type)()
    return json_format.ParseDict({**filled, **(fresh if "requestId" in text else {})}, request)


def required(request: Message, prefix: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Paths of the required fields and oneofs that the request has set, at any depth."""
    descriptor: Descriptor = request.DESCRIPTOR
    for oneof in descriptor.oneofs:
        if is_required(oneof.full_name):
            yield (*prefix, oneof.name)
    for field, value in request.ListFields():
        if is_required(field.full_name):
            yield (*prefix, field.name)
        for part in messages_in(value):
            yield from required(part, (*prefix, field.name))


def messages_in(value: Any) -> list[Message]:
    """The message in a field's value, the first one of a repeated field; none for anything else."""
    if isinstance(value, Message):
        return [value] if value.DESCRIPTOR.full_name.startswith("mayfly.") else []
    first = next(iter(value), None) if isinstance(value, (list, tuple)) or hasattr(value, "add") else None
    return [first] if isinstance(first, Message) else []


def without(request: Message, path: tuple[str, ...]) -> Message:
    """A copy of the request without one field or oneof."""
    copy = type(request)()
    copy.CopyFrom(request)
    owner = copy
    for name in path[:-1]:
        part = getattr(owner, name)
        owner = part if isinstance(part, Message) else part[0]
    set_one = owner.WhichOneof(path[-1]) if path[-1] in owner.DESCRIPTOR.oneofs_by_name else path[-1]
    owner.ClearField(set_one)
    return copy


def promises() -> list[Promise]:
    """Every required field of every method."""
    return [
        Promise(service, method, path)
        for service, descriptor in SERVICES.items()
        for method in descriptor.methods
        for path in required(sample(method))
    ]


def call(channel: grpc.Channel, method: MethodDescriptor, request: Message) -> grpc.RpcError | None:
    """Call the method; the error, or None if it succeeded."""
    kind = f"{'stream' if method.client_streaming else 'unary'}_{'stream' if method.server_streaming else 'unary'}"
    stub = getattr(channel, kind)(
        f"/{method.containing_service.full_name}/{method.name}",
        request_serializer=lambda message: message.SerializeToString(),
        response_deserializer=message_factory.GetMessageClass(method.output_type).FromString,
    )
    try:
        answer = stub(iter([request]) if method.client_streaming else request, timeout=PATIENCE)
        if method.server_streaming:
            list(answer)
    except grpc.RpcError as error:
        return error
    return None


def violated_fields(error: grpc.RpcError) -> list[str]:
    """The fields of the error's BadRequest."""
    status = rpc_status.from_call(error)
    bad = error_details_pb2.BadRequest()
    fields: list[str] = []
    for detail in status.details if status else ():
        if detail.Unpack(bad):
            fields += [violation.field for violation in bad.field_violations]
    return fields


def test_every_method_has_a_sample() -> None:
    assert {method.name for descriptor in SERVICES.values() for method in descriptor.methods} == set(SAMPLES)


def reachable(descriptor: Descriptor, seen: set[str]) -> set[str]:
    """Full names of the required fields and oneofs of a message and of all messages in it."""
    if descriptor.full_name in seen or not descriptor.full_name.startswith("mayfly."):
        return set()
    seen.add(descriptor.full_name)
    names = {part.full_name for part in (*descriptor.fields, *descriptor.oneofs) if is_required(part.full_name)}
    return names.union(*(reachable(field.message_type, seen) for field in descriptor.fields if field.message_type))


def full_name(promise: Promise) -> str:
    """The full name of the field or oneof that a promise is about."""
    owner: Descriptor = promise.method.input_type
    for name in promise.path[:-1]:
        owner = owner.fields_by_name[name].message_type
    return f"{owner.full_name}.{promise.path[-1]}"


def test_every_required_field_is_in_a_sample() -> None:
    methods = [method for descriptor in SERVICES.values() for method in descriptor.methods]
    wanted = set().union(*(reachable(method.input_type, set()) for method in methods))

    assert wanted - {full_name(promise) for promise in promises()} == {
        "mayfly.storage.v1.Shard.index",  # 0 is a value
        "mayfly.storage.v1.UploadAudioFooter.size_bytes",  # in the last message; see storage's tests of uploading
        "mayfly.synth.v1.ProcessFooter.size_bytes",  # the same; see synth's tests of processing
    }


def names(promise: Promise, field: str) -> bool:
    """Whether a violation's field is the promised one, a member of the promised oneof, or an element of it."""
    *folders, last = promise.path
    oneof = promise.method.input_type.oneofs_by_name.get(last) if not folders else None
    paths = [
        ".".join([*folders, name]) for name in (last, *(member.name for member in (oneof.fields if oneof else ())))
    ]
    return any(path == field or path.endswith(f".{field}") or field.startswith(f"{path}[") for path in paths)


@pytest.mark.parametrize("promise", promises(), ids=str)
def test_a_missing_required_field_is_named(promise: Promise, channels: dict[str, grpc.Channel]) -> None:
    error = call(channels[promise.service], promise.method, without(sample(promise.method), promise.path))

    assert error is not None
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT, error.details()
    assert any(names(promise, field) for field in violated_fields(error)), (
        f"{promise} is not among {violated_fields(error)}"
    )


@pytest.mark.parametrize("method", [m for d in SERVICES.values() for m in d.methods], ids=lambda m: m.name)
def test_a_complete_request_is_not_called_invalid(method: MethodDescriptor, channels: dict[str, grpc.Channel]) -> None:
    service = next(name for name, descriptor in SERVICES.items() if method in descriptor.methods)
    error = call(channels[service], method, sample(method))

    expected = {"StreamSynthesize", "UploadAudio", "ProcessAudio"}  # nothing is in a stream that ends after one message
    assert error is None or method.name in expected or error.code() is not grpc.StatusCode.INVALID_ARGUMENT, (
        error.details()
    )
