"""R28: every method by every identity, with the callers files that are deployed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import grpc
import pytest
from google.protobuf.message_factory import GetMessageClass
from mayfly.storage.v1 import (
    retention_service_pb2,
    retention_service_pb2_grpc,
    storage_service_pb2,
    storage_service_pb2_grpc,
)
from mayfly.sweeper.v1 import sweeper_service_pb2, sweeper_service_pb2_grpc
from mayfly.synth.v1 import synth_service_pb2, synth_service_pb2_grpc

from mayfly_runtime.callers import hash_token
from mayfly_runtime.identity import CallerRegistry
from mayfly_runtime.testing import serve_in_process
from tests.waiting import PATIENCE

if TYPE_CHECKING:
    from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor

DEPLOY: Final = Path(__file__).parents[2] / "deploy"
TOKENS: Final = DEPLOY / "compose/tokens"
STORAGE = storage_service_pb2.DESCRIPTOR.services_by_name["StorageService"]
RETENTION = retention_service_pb2.DESCRIPTOR.services_by_name["RetentionService"]
SYNTH = synth_service_pb2.DESCRIPTOR.services_by_name["SynthService"]
SWEEPER = sweeper_service_pb2.DESCRIPTOR.services_by_name["SweeperService"]
DOORS: Final = {
    STORAGE: (
        storage_service_pb2_grpc.add_StorageServiceServicer_to_server,
        storage_service_pb2_grpc.StorageServiceServicer,
    ),
    RETENTION: (
        retention_service_pb2_grpc.add_RetentionServiceServicer_to_server,
        retention_service_pb2_grpc.RetentionServiceServicer,
    ),
    SYNTH: (synth_service_pb2_grpc.add_SynthServiceServicer_to_server, synth_service_pb2_grpc.SynthServiceServicer),
    SWEEPER: (
        sweeper_service_pb2_grpc.add_SweeperServiceServicer_to_server,
        sweeper_service_pb2_grpc.SweeperServiceServicer,
    ),
}


def names(service: ServiceDescriptor) -> set[str]:
    return {f"/{service.full_name}/{method.name}" for method in service.methods}


KEEPING: Final = {
    f"/{STORAGE.full_name}/{name}"
    for name in ("ReserveQuota", "CreateUpload", "CommitUpload", "AbandonUpload", "UploadAudio", "SignUrls")
}
EVERYTHING: Final = set().union(*map(names, DOORS))
# By hand, and not from the files: these are the rights that the design gives.
ALLOWED: Final = {
    "compose": {
        "synth": KEEPING,
        "sweeper": names(RETENTION),
        "gateway": EVERYTHING - names(RETENTION),
        "development": EVERYTHING - names(RETENTION),
    },
    "k8s/base": {
        "synth": KEEPING,
        "sweeper": names(RETENTION),
        "gateway": EVERYTHING - names(RETENTION) - names(SWEEPER),
        "backend": EVERYTHING - names(RETENTION) - names(SWEEPER),
    },
}
STRANGERS: Final = {"nobody": (), "a stranger": (("authorization", "Bearer made-up"),)}


def registry(folder: str) -> CallerRegistry:
    """The callers of a file; those who prove themselves by certificates get a token here, as TLS is tried elsewhere."""
    callers = CallerRegistry.from_toml(DEPLOY / folder / "callers.toml").callers
    return CallerRegistry(
        tuple(replace(one, token_sha256=one.token_sha256 or hash_token(one.name), spiffe_id=None) for one in callers)
    )


def proof(folder: str, name: str) -> tuple[tuple[str, str], ...]:
    given = TOKENS / name
    token = given.read_text().strip() if folder == "compose" else name
    return (("authorization", f"Bearer {token}"),)


async def answer(channel: grpc.aio.Channel, method: MethodDescriptor, metadata: Any) -> grpc.StatusCode:
    """What a call of a method that does nothing ends with."""
    path = f"/{method.containing_service.full_name}/{method.name}"
    request = GetMessageClass(method.input_type)
    kinds = {
        (False, False): channel.unary_unary,
        (False, True): channel.unary_stream,
        (True, False): channel.stream_unary,
        (True, True): channel.stream_stream,
    }
    call = kinds[method.client_streaming, method.server_streaming](
        path, request_serializer=request.SerializeToString, response_deserializer=lambda data: data
    )
    given = iter(()) if method.client_streaming else request()
    running = call(given, metadata=metadata, timeout=PATIENCE)
    return await running.code()


@pytest.mark.parametrize("service", list(DOORS), ids=lambda one: one.name)
@pytest.mark.parametrize("folder", list(ALLOWED))
async def test_every_identity_may_call_what_is_its_own_and_nothing_else(
    folder: str, service: ServiceDescriptor
) -> None:
    register, servicer = DOORS[service]
    assert {one.name for one in registry(folder).callers} == set(ALLOWED[folder])
    async with serve_in_process(register, servicer(), service=service.full_name, callers=registry(folder)) as channel:
        outcomes = {
            (name, path): await answer(channel, method, proof(folder, name))
            for name in ALLOWED[folder]
            for method, path in ((one, f"/{service.full_name}/{one.name}") for one in service.methods)
        }
        strange = {await answer(channel, method, shown) for method in service.methods for shown in STRANGERS.values()}

    # The servicers here implement nothing: who gets as far as that has been let in.
    let_in = {who for who, code in outcomes.items() if code is grpc.StatusCode.UNIMPLEMENTED}
    assert let_in == {(name, path) for name, own in ALLOWED[folder].items() for path in own & names(service)}
    assert {code for who, code in outcomes.items() if who not in let_in} <= {grpc.StatusCode.PERMISSION_DENIED}
    assert strange == {grpc.StatusCode.UNAUTHENTICATED}
