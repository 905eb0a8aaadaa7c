"""storage alone holds credentials: the others have none, and cannot get any from it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import grpc
import httpx
import pytest
from google.protobuf import descriptor_pb2
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from mayfly.storage.v1 import storage_service_pb2, storage_service_pb2_grpc

from tests.waiting import PATIENCE, opened_by

if TYPE_CHECKING:
    from tests.conftest import Stack

SECRETISH = ("secret", "password", "credential", "access_key", "session_token")
ALLOWED = {"ENUM:LIMITED_BY_CREDENTIALS"}


def environment_of(pid: int) -> dict[str, str]:
    """The environment that a process was started with, as the system knows it."""
    pairs = Path(f"/proc/{pid}/environ").read_text().split("\0")
    return dict(pair.partition("=")[::2] for pair in pairs if "=" in pair)


def test_only_storage_is_given_credentials(aws: Stack) -> None:
    holders = {name for name, pid in aws.pids.items() if any(key.startswith("AWS_") for key in environment_of(pid))}

    assert holders == {"storage"}


@pytest.mark.parametrize("name", ["synth", "sweeper", "gateway"])
def test_no_open_file_of_the_others_is_storages(aws: Stack, name: str) -> None:
    assert opened_by(aws.pids[name], aws.layout.data / "storage") == []


def messages(file: descriptor_pb2.FileDescriptorProto) -> list[str]:
    """Names of all fields and enum values of a contract."""
    names: list[str] = []
    waiting = list(file.message_type)
    enums = list(file.enum_type)
    while waiting:
        message = waiting.pop()
        names += [field.name for field in message.field]
        waiting += message.nested_type
        enums += message.enum_type
    return names + [f"ENUM:{value.name}" for enum in enums for value in enum.value]


def reflected(address: str) -> list[descriptor_pb2.FileDescriptorProto]:
    """Every contract that a server shows through reflection."""
    with grpc.insecure_channel(address) as channel:
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        ask = reflection_pb2.ServerReflectionRequest
        (listed,) = stub.ServerReflectionInfo(iter([ask(list_services="")]), timeout=PATIENCE)
        wanted = [ask(file_containing_symbol=service.name) for service in listed.list_services_response.service]
        answers = list(stub.ServerReflectionInfo(iter(wanted), timeout=PATIENCE))
    files = {data for answer in answers for data in answer.file_descriptor_response.file_descriptor_proto}
    return [descriptor_pb2.FileDescriptorProto.FromString(data) for data in files]


@pytest.mark.parametrize("door", ["storage", "retention", "synth", "sweeper"])
def test_no_field_of_any_contract_could_carry_a_credential(aws: Stack, door: str) -> None:
    names = [
        name for file in reflected(aws.address(door)) if file.package.startswith("mayfly.") for name in messages(file)
    ]

    assert names
    assert [name for name in names if any(word in name.lower() for word in SECRETISH) and name not in ALLOWED] == []


async def test_what_storage_answers_and_logs_holds_no_secret(aws: Stack) -> None:
    async with aws.client() as client:
        speech = await client.speak("What can be known of the keys?")
        info = await client.storage_info()
    assert speech.stored is not None
    async with httpx.AsyncClient(timeout=PATIENCE) as http:
        response = await http.get(speech.stored.url)
    held = environment_of(aws.pids["storage"])
    secrets = [held["AWS_SECRET_ACCESS_KEY"], held["MAYFLY_STORAGE_PRIVACY_SECRET"]]

    told = " ".join([speech.stored.url, repr(info), str(response.headers), aws.logs()])
    assert held["AWS_ACCESS_KEY_ID"] in speech.stored.url  # its id is part of every signature, the secret never
    assert [secret for secret in secrets if secret in told] == []


def test_the_port_for_everybody_does_not_serve_retention(embedded: Stack) -> None:
    with grpc.insecure_channel(embedded.address("storage")) as channel:
        call = channel.unary_unary(
            "/mayfly.storage.v1.RetentionService/PurgeAudio", request_serializer=bytes, response_deserializer=bytes
        )
        with pytest.raises(grpc.RpcError) as caught:
            call(b"", timeout=PATIENCE)
    with grpc.insecure_channel(embedded.address("retention")) as channel, pytest.raises(grpc.RpcError) as other:
        storage_service_pb2_grpc.StorageServiceStub(channel).GetStorageInfo(
            storage_service_pb2.GetStorageInfoRequest(), timeout=PATIENCE
        )

    assert caught.value.code() is other.value.code() is grpc.StatusCode.UNIMPLEMENTED
