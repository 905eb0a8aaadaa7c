"""What a container may do, and what it holds, asked from inside."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Stack

pytestmark = [pytest.mark.compose, pytest.mark.timeout(1800)]

SERVICES = ("storage", "synth", "sweeper", "gateway")
every_service = pytest.mark.parametrize("service", SERVICES)
STATUS = "print(open('/proc/self/status').read())"
HOLDS = """
import importlib.util, json, shutil
from pathlib import Path
modules = [
    "boto3", "botocore", "piper", "onnx", "onnxruntime", "ffmpeg", "imageio_ffmpeg", "pip", "hatchling", "pytest",
]
programs = ["cc", "gcc", "g++", "make", "ffmpeg"]
site = Path(importlib.util.find_spec("grpc").origin).parents[1]
print(json.dumps({
    "modules": [name for name in modules if importlib.util.find_spec(name)],
    "programs": [name for name in programs if shutil.which(name)],
    "distributions": sorted(path.name.split("-")[0] for path in site.glob("mayfly_*.dist-info")),
    "leftovers": [folder for folder in ["/root/.cache", "/wheels", "/src", "/opt/build"] if Path(folder).exists()],
}))
"""
WRITES = """
import json
from pathlib import Path
def writes(folder):
    try:
        Path(folder, "probe").write_text("x")
    except OSError as error:
        return error.strerror
    Path(folder, "probe").unlink()
    return "yes"
print(json.dumps({folder: writes(folder) for folder in ["/", "/opt/mayfly", "/etc", "/tmp"]}))
"""
PURGE = """
import grpc
from mayfly.storage.v1 import retention_service_pb2 as pb, retention_service_pb2_grpc as stubs
token = open("/run/secrets/synth_token").read().strip()
with grpc.insecure_channel("127.0.0.1:50052") as channel:
    try:
        stubs.RetentionServiceStub(channel).ListExpired(
            pb.ListExpiredRequest(), timeout=10, metadata=[("authorization", f"Bearer {token}")])
    except grpc.RpcError as error:
        print(error.code().name)
"""


@every_service
def test_processes_are_nobody_and_cannot_become_somebody(stack: Stack, service: str) -> None:
    status = dict(line.split(":\t", 1) for line in stack.python(service, STATUS).splitlines() if ":\t" in line)

    assert status["Uid"].split() == ["10001"] * 4
    assert status["Gid"].split() == ["10001"] * 4
    assert {status[kind] for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
    assert status["NoNewPrivs"] == "1"


@every_service
def test_the_file_system_is_read_only_but_for_tmp(stack: Stack, service: str) -> None:
    read_only = "Read-only file system"

    assert json.loads(stack.python(service, WRITES)) == {
        "/": read_only,
        "/opt/mayfly": read_only,
        "/etc": read_only,
        "/tmp": "yes",  # noqa: S108 - the container's own
    }


def test_only_storage_on_aws_has_aws_settings(stack: Stack) -> None:
    having = {
        name
        for name, container in stack.containers().items()
        if any("AWS" in setting.split("=")[0] for setting in container["Config"]["Env"])
    }

    assert having == ({"storage-aws"} if stack.profile == "aws" else set())


def test_ports_are_published_on_loopback_only(stack: Stack) -> None:
    published = [
        binding["HostIp"]
        for container in stack.containers().values()
        for bindings in (container["NetworkSettings"]["Ports"] or {}).values()
        for binding in bindings or []
    ]

    assert set(published) == {"127.0.0.1"}


def test_an_image_holds_what_its_service_needs_and_nothing_of_the_others(stack: Stack) -> None:
    held = {service: json.loads(stack.image_python(service, HOLDS)) for service in SERVICES}

    assert {service: one["modules"] for service, one in held.items()} == {
        "storage": ["boto3", "botocore"],
        "synth": ["piper", "onnx", "onnxruntime", "ffmpeg", "imageio_ffmpeg"],
        "sweeper": [],
        "gateway": [],
    }
    assert {service: one["distributions"] for service, one in held.items()} == {
        "storage": ["mayfly_protos", "mayfly_runtime", "mayfly_storage"],
        "synth": ["mayfly_client", "mayfly_protos", "mayfly_runtime", "mayfly_synth"],
        "sweeper": ["mayfly_client", "mayfly_protos", "mayfly_runtime", "mayfly_sweeper"],
        "gateway": ["mayfly_client", "mayfly_gateway", "mayfly_protos", "mayfly_runtime"],
    }
    assert [one["programs"] + one["leftovers"] for one in held.values()] == [[], [], [], []]


def test_synth_cannot_sweep_although_it_reaches_the_port(stack: Stack) -> None:
    assert stack.python("synth", PURGE) == "PERMISSION_DENIED"
