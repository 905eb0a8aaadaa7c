"""docker-compose.yml and what it mounts, judged without an engine; tests/compose runs it."""

from __future__ import annotations

import hashlib
import re
from datetime import timedelta
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from mayfly.storage.v1 import retention_service_pb2, storage_service_pb2
from mayfly.sweeper.v1 import sweeper_service_pb2
from mayfly.synth.v1 import synth_service_pb2

from mayfly_gateway.config import GatewaySettings
from mayfly_runtime.callers_file import read_callers
from mayfly_runtime.durations import parse_duration
from mayfly_storage.backends.aws.features import BUCKET_POLICY
from mayfly_storage.config import StorageSettings
from mayfly_sweeper.config import SweeperSettings
from mayfly_synth.config import SynthSettings

if TYPE_CHECKING:
    from mayfly_runtime.identity import Caller
    from mayfly_runtime.settings import ServiceSettings

ROOT = Path(__file__).resolve().parents[2]
SETTINGS: dict[str, type[ServiceSettings]] = {
    "storage": StorageSettings,
    "storage-aws": StorageSettings,
    "synth": SynthSettings,
    "sweeper": SweeperSettings,
    "sweep": SweeperSettings,
    "gateway": GatewaySettings,
}
SERVERS = ("storage", "storage-aws", "synth", "sweeper", "gateway")
VARIABLE = re.compile(r"\$\{(\w+):-([^}]*)\}")


def load() -> dict[str, Any]:
    """The file with every variable at its default."""
    text = (ROOT / "docker-compose.yml").read_text()
    return yaml.safe_load(VARIABLE.sub(r"\2", text))


COMPOSE = load()
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
every_service = pytest.mark.parametrize("name", SERVICES)
every_server = pytest.mark.parametrize("name", SERVERS)


def callers() -> dict[str, Caller]:
    return {caller.name: caller for caller in read_callers(ROOT / "deploy/compose/callers.toml")}


def all_methods() -> set[str]:
    modules = (storage_service_pb2, retention_service_pb2, synth_service_pb2, sweeper_service_pb2)
    return {
        f"/{service.full_name}/{method.name}"
        for module in modules
        for service in module.DESCRIPTOR.services_by_name.values()
        for method in service.methods
    }


def methods_of(caller: str) -> set[str]:
    return {method for method in all_methods() if callers()[caller].may_call(method)}


# ---- docker-compose.yml


@every_service
def test_ports_are_published_on_loopback_only(name: str) -> None:
    assert [port for port in SERVICES[name].get("ports", []) if not port.startswith("127.0.0.1:")] == []


def test_the_retention_port_is_not_published() -> None:
    published = {port.rsplit(":", 1)[1] for service in SERVICES.values() for port in service.get("ports", [])}

    assert published == {"50051", "50061", "50071", "50080", "50088", "50090"}
    assert SERVICES["storage"]["environment"]["MAYFLY_STORAGE_RETENTION_LISTEN"].startswith("127.0.0.1:")


@every_service
def test_containers_have_no_rights_to_give_away(name: str) -> None:
    service = SERVICES[name]

    assert service["user"] == "10001:10001"
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not service.keys() & {"privileged", "cap_add", "devices", "pid", "ipc"}


@every_service
def test_what_containers_may_write_is_bounded(name: str) -> None:
    service = SERVICES[name]
    targets = [volume.split(":")[1] for volume in service.get("volumes", [])]

    bounded = re.compile(r"/tmp:size=\d+m,mode=1777")  # noqa: S108 - a mount in a container

    assert all(bounded.fullmatch(mount) for mount in service["tmpfs"])
    assert service["logging"]["options"].keys() == {"max-size", "max-file"}
    assert targets == (["/data"] if name.startswith("storage") else [])


def test_the_gateway_has_room_for_two_uploads_at_a_time_that_are_processed() -> None:
    """Each lies there twice: as it came, and as a file with a name."""
    [size] = re.findall(r"size=(\d+)m", " ".join(SERVICES["gateway"]["tmpfs"]))

    assert int(size) * 1024**2 >= 2 * 2 * SETTINGS["gateway"].model_fields["max_upload_bytes"].default


@every_server
def test_servers_have_time_to_drain(name: str) -> None:
    grace = parse_duration(SERVICES[name]["stop_grace_period"])
    drain = SETTINGS[name].model_fields["drain"].default

    assert grace >= drain + timedelta(seconds=5)


@pytest.mark.parametrize("name", ["synth", "sweeper", "sweep"])
def test_callers_of_storage_wait_until_it_is_healthy(name: str) -> None:
    waiting = {"condition": "service_healthy", "required": False}

    assert SERVICES[name]["depends_on"] == {"storage": waiting, "storage-aws": waiting}


def test_storage_waits_for_its_emulator() -> None:
    assert SERVICES["storage-aws"]["depends_on"] == {"moto": {"condition": "service_healthy"}}


def test_a_profile_has_exactly_one_storage() -> None:
    profiles = {name: service["profiles"] for name, service in SERVICES.items()}

    assert profiles.pop("storage") == ["embedded"]
    assert profiles.pop("storage-aws") == ["aws"]
    assert profiles.pop("moto") == ["aws"]
    assert profiles.pop("sweep") == ["jobs"]
    assert set(map(tuple, profiles.values())) == {("embedded", "aws")}


def test_the_embedded_backend_is_the_default() -> None:
    lines = (ROOT / ".env").read_text().splitlines()

    assert [line for line in lines if not line.startswith("#")] == ["COMPOSE_PROFILES=embedded"]


@every_service
def test_only_storage_on_aws_has_aws_settings(name: str) -> None:
    environment = SERVICES[name].get("environment", {})
    aws = {variable for variable in environment if "AWS" in variable}

    assert bool(aws) == (name == "storage-aws")
    assert "env_file" not in SERVICES[name]


def test_the_emulator_is_given_no_policy_since_it_looks_at_no_condition() -> None:
    assert SERVICES["storage-aws"]["environment"]["MAYFLY_STORAGE_UNMANAGED"] == BUCKET_POLICY


def test_each_service_gets_its_own_secrets_only() -> None:
    given = {name: service["secrets"] for name, service in SERVICES.items() if service.get("secrets")}

    assert given == {
        "storage-aws": ["privacy_secret"],
        "synth": ["synth_token"],
        "sweeper": ["sweeper_token"],
        "sweep": ["sweeper_token"],
        "gateway": ["gateway_token", "gateway_secret", "gateway_callers", "gateway_operators"],
    }


@pytest.mark.parametrize("name", SETTINGS)
def test_every_variable_is_a_setting_of_the_service(name: str) -> None:
    known = {one.variable: one.secret for one in SETTINGS[name].reference()}
    files = {f"{variable}_FILE" for variable, secret in known.items() if secret}
    given = {variable for variable in SERVICES[name]["environment"] if not variable.startswith("AWS_")}

    assert given - known.keys() - files == set()


def on_this_machine(value: str) -> str:
    """A secret's file by its path in the repository instead of in the container."""
    secret = COMPOSE["secrets"].get(value.removeprefix("/run/secrets/"))
    return str(ROOT / secret["file"]) if secret else value


@pytest.mark.parametrize("name", SETTINGS)
def test_the_settings_are_valid(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in SERVICES[name]["environment"].items():
        monkeypatch.setenv(variable, on_this_machine(value))

    settings = SETTINGS[name].load()

    if name != "gateway":  # whose callers do not speak gRPC
        assert getattr(settings, "callers_file", None) == Path("/etc/mayfly/callers.toml")


def test_what_is_mounted_exists() -> None:
    mounted = [*COMPOSE["configs"].values(), *COMPOSE["secrets"].values()]

    assert [one["file"] for one in mounted if not (ROOT / one["file"]).is_file()] == []


def test_every_variable_of_the_file_is_in_the_example_with_the_same_default() -> None:
    used = dict(VARIABLE.findall((ROOT / "docker-compose.yml").read_text()))
    example = dict(re.findall(r"^#?(\w+)=(.*)$", (ROOT / ".env.example").read_text(), re.MULTILINE))

    assert used
    assert {name: example.get(name) for name in used} == used


# ---- who may call what


@pytest.mark.parametrize("name", ["synth", "sweeper", "gateway", "development"])
def test_a_token_is_its_callers(name: str) -> None:
    token = (ROOT / "deploy/compose/tokens" / name).read_text().strip()

    assert "made-up" in token
    assert callers()[name].token_sha256 == hashlib.sha256(token.encode()).hexdigest()


def test_every_listed_method_exists() -> None:
    listed = {pattern for caller in callers().values() for pattern in caller.methods}

    assert {pattern for pattern in listed if not any(fnmatch(method, pattern) for method in all_methods())} == set()


def test_synth_may_keep_and_sign_but_neither_delete_nor_sweep() -> None:
    assert {method.rsplit("/", 1)[1] for method in methods_of("synth")} == {
        "ReserveQuota",
        "CreateUpload",
        "CommitUpload",
        "AbandonUpload",
        "UploadAudio",
        "SignUrls",
    }


def test_the_sweeper_alone_may_sweep() -> None:
    retention = {method for method in all_methods() if "RetentionService" in method}

    assert methods_of("sweeper") == retention
    assert methods_of("development") == methods_of("gateway") == all_methods() - retention
