"""docker-compose.yml, the Dockerfiles and what they mount, judged without an engine; tests/compose runs them."""

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
IMAGES = {
    "storage": "services/storage/Dockerfile",
    "synth": "services/synth/Dockerfile",
    "sweeper": "services/sweeper/Dockerfile",
    "gateway": "clients/gateway/Dockerfile",
}
DOCKERFILES = [*IMAGES.values(), "deploy/compose/moto.Dockerfile"]
VARIABLE = re.compile(r"\$\{(\w+):-([^}]*)\}")


def load() -> dict[str, Any]:
    """The file with every variable at its default."""
    text = (ROOT / "docker-compose.yml").read_text()
    return yaml.safe_load(VARIABLE.sub(r"\2", text))


COMPOSE = load()
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
every_service = pytest.mark.parametrize("name", SERVICES)
every_server = pytest.mark.parametrize("name", SERVERS)
every_dockerfile = pytest.mark.parametrize("path", DOCKERFILES)


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


def instructions(path: str) -> list[tuple[str, str]]:
    """(KEYWORD, rest) of a Dockerfile, continuation lines joined."""
    text = re.sub(r"^#.*\n", "", (ROOT / path).read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    return [(words[0], " ".join(words[1:])) for line in text.splitlines() if (words := line.split())]


def values(path: str, keyword: str) -> list[str]:
    return [rest for word, rest in instructions(path) if word == keyword]


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


# ---- Dockerfiles


@every_dockerfile
def test_all_stages_start_from_the_same_pinned_base(path: str) -> None:
    version = (ROOT / ".python-version").read_text().strip()

    assert values(path, "ARG") == [f"BASE_IMAGE=python:{version}-slim-bookworm"]
    assert {image.split(" AS ")[0] for image in values(path, "FROM")} == {"${BASE_IMAGE}"}


@every_dockerfile
def test_images_hold_hash_pinned_wheels_and_nothing_else(path: str) -> None:
    installs = [
        part for run in values(path, "RUN") for part in run.split("&&") if " install " in part and "pip" in part
    ]

    assert installs
    assert all("--require-hashes" in one or "--no-index /wheels/" in one for one in installs)
    assert not any("apt" in run.split() or "apt-get" in run.split() for run in values(path, "RUN"))


@every_dockerfile
def test_the_last_stage_copies_an_environment_and_installs_nothing(path: str) -> None:
    words = instructions(path)
    last = max(index for index, (word, _) in enumerate(words) if word == "FROM")
    copied = [rest for word, rest in words[last:] if word == "COPY"]

    assert copied[0].startswith("--from=environment /opt/")
    assert all(copy.startswith("voices/") for copy in copied[1:])
    assert not any("pip" in rest for word, rest in words[last:] if word == "RUN")


@every_dockerfile
def test_images_run_as_nobody_and_get_their_signals(path: str) -> None:
    assert values(path, "USER") == ["10001:10001"]
    assert values(path, "ENTRYPOINT")[0].startswith("[")
    assert values(path, "HEALTHCHECK")[0].count("CMD [") == 1


@pytest.mark.parametrize("image", IMAGES)
def test_the_probe_asks_where_the_server_listens(image: str) -> None:
    (check,) = values(IMAGES[image], "HEALTHCHECK")
    probe = "mayfly_gateway.probe" if image == "gateway" else "mayfly_runtime.probe"
    environment = SERVICES[image]["environment"]
    listen = environment[f"MAYFLY_{image.upper()}_LISTEN"]

    assert f'"{probe}", "127.0.0.1:{listen.rsplit(":", 1)[1]}"' in check


def test_the_build_context_is_a_list_of_what_is_allowed() -> None:
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if not line.startswith("#")]

    assert lines[0] == "*"
    assert {line for line in lines if line.startswith("!")} == {
        "!requirements/*.txt",
        "!libs/runtime",
        "!clients/python",
        "!clients/gateway",
        "!services",
        "!voices",
    }
