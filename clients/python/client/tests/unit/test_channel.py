from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from mayfly.storage.v1 import retention_service_pb2, storage_service_pb2
from mayfly.sweeper.v1 import sweeper_service_pb2
from mayfly.synth.v1 import synth_service_pb2

from mayfly_client import Tls, open_channel, open_sync_channel
from mayfly_client._service_config import NEVER_RETRIED, READS, WITH_ATTEMPT, WITH_REQUEST_ID, service_config
from mayfly_client._targets import is_loopback

if TYPE_CHECKING:
    from pathlib import Path

    from google.protobuf.descriptor import Descriptor, MethodDescriptor

SERVICES = [
    service
    for module in (storage_service_pb2, retention_service_pb2, synth_service_pb2, sweeper_service_pb2)
    for service in module.DESCRIPTOR.services_by_name.values()
]
METHODS = [method for service in SERVICES for method in service.methods]


def is_recognised(message: Descriptor, depth: int = 0) -> bool:
    """Whether a request, or the first message of its stream, carries a request_id or an attempt."""
    if {"request_id", "attempt"} & set(message.fields_by_name):
        return True
    nested = [field.message_type for field in message.fields if field.message_type and field.containing_oneof]
    return depth == 0 and any(is_recognised(each, 1) for each in nested)


def retried() -> set[str]:
    (config,) = json.loads(service_config())["methodConfig"]
    return {f"{each['service']}.{each['method']}" for each in config["name"]}


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.full_name.removeprefix("mayfly."))
def test_only_reads_and_requests_that_are_recognised_are_tried_again(method: MethodDescriptor) -> None:
    is_read = method.name in READS[method.containing_service.full_name]

    assert (method.full_name in retried()) == (is_read or is_recognised(method.input_type))


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.full_name.removeprefix("mayfly."))
def test_each_method_is_in_exactly_one_table(method: MethodDescriptor) -> None:
    service = method.containing_service.full_name
    tables = (READS, WITH_REQUEST_ID, WITH_ATTEMPT, NEVER_RETRIED)

    assert sum(table.get(service, ()).count(method.name) for table in tables) == 1


def test_the_tables_name_no_method_that_is_not_there() -> None:
    named = {
        f"{service}.{name}"
        for table in (READS, WITH_REQUEST_ID, WITH_ATTEMPT, NEVER_RETRIED)
        for service, names in table.items()
        for name in names
    }

    assert named == {method.full_name for method in METHODS}


def test_reads_do_not_sound_like_changes() -> None:
    reads = {name for names in READS.values() for name in names}

    sounds = ("Get", "List", "Sign", "Download", "Verify", "Describe", "Phonemize", "Watch")
    assert all(name.startswith(sounds) for name in reads)


def test_only_unavailable_is_tried_again_and_not_for_ever() -> None:
    config = json.loads(service_config())

    assert config["methodConfig"][0]["retryPolicy"]["retryableStatusCodes"] == ["UNAVAILABLE"]
    assert config["methodConfig"][0]["retryPolicy"]["maxAttempts"] == 4
    assert config["retryThrottling"]["maxTokens"] == 100


@pytest.mark.parametrize(
    ("target", "local"),
    [
        ("127.0.0.1:50051", True),
        ("127.8.9.1:1", True),
        ("localhost:50051", True),
        ("[::1]:50051", True),
        ("::1", True),
        ("unix:/run/mayfly.sock", True),
        ("unix-abstract:mayfly", True),
        ("ipv4:127.0.0.1:50051", True),
        ("ipv4:127.0.0.1:1,127.0.0.2:1", True),
        ("dns:///localhost:50051", True),
        ("ipv4:127.0.0.1:1,192.0.2.1:1", False),
        ("dns:///storage.mayfly.svc:50051", False),
        ("dns://127.0.0.1/storage:50051", False),
        ("localhost.example.com:1", False),
        ("192.0.2.1:50051", False),
        ("storage", False),
    ],
)
def test_what_is_not_clearly_this_machine_counts_as_remote(target: str, local: bool) -> None:  # noqa: FBT001 - a table
    assert is_loopback(target) is local


@pytest.mark.parametrize("open_it", [open_channel, open_sync_channel])
async def test_a_token_does_not_leave_this_machine_in_plaintext(open_it: object) -> None:
    with pytest.raises(ValueError, match="refusing to send a token in plaintext to storage:50051") as caught:
        open_it("storage:50051", token="sesame")  # type: ignore[operator]

    assert "sesame" not in str(caught.value)


def test_half_a_certificate_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="key_file is missing"):
        Tls(cert_file=tmp_path / "cert.pem").credentials()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"ca\.pem"):
        Tls(ca_file=tmp_path / "ca.pem").credentials()
