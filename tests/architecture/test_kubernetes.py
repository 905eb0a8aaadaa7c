"""deploy/k8s, judged without a cluster: by the schemas, and by what schemas miss.

Who may do what is in test_kubernetes_trust.py, when the sweeper runs in test_kubernetes_schedule.py.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import kubernetes_validate
import pytest
import yaml

from mayfly_gateway.config import GatewaySettings
from mayfly_runtime.server_options import DEFAULT_DRAIN
from mayfly_storage.config import StorageSettings
from mayfly_sweeper.config import SweeperSettings
from mayfly_synth.config import SynthSettings
from tests.architecture.manifests import KUBERNETES, OVERLAYS, ROOT, Cluster, Manifest, render, walk

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mayfly_runtime.settings import ServiceSettings

SETTINGS: dict[str, type[ServiceSettings]] = {
    "storage": StorageSettings,
    "synth": SynthSettings,
    "sweeper": SweeperSettings,
    "gateway": GatewaySettings,
}

every_overlay = pytest.mark.parametrize("overlay", OVERLAYS)
every_service = pytest.mark.parametrize("name", SETTINGS)


def built_in(objects: list[Manifest]) -> Iterator[Manifest]:
    return (one for one in objects if "cert-manager.io" not in one["apiVersion"])


@every_overlay
def test_objects_are_what_kubernetes_knows(overlay: str) -> None:
    kinds = set()
    for one in built_in(render(overlay)):
        kubernetes_validate.validate(one, KUBERNETES, strict=True)  # raises what it does not know
        kinds.add(one["kind"])
    assert {"CronJob", "Deployment", "Service", "NetworkPolicy", "ServiceAccount"} <= kinds


@pytest.mark.skipif(
    shutil.which("kustomize") is None, reason="no kustomize on this machine; the rest is tested without it"
)
@every_overlay
def test_kustomize_builds_the_same(overlay: str) -> None:
    built = subprocess.run(["kustomize", "build", ROOT / overlay], check=True, capture_output=True, text=True).stdout
    ours = {(one["kind"], one["metadata"]["name"]): without_generated(one) for one in render(overlay)}
    theirs = {
        (one["kind"], plain(one["metadata"]["name"])): without_generated(one) for one in yaml.safe_load_all(built)
    }
    assert ours == theirs


def plain(name: str) -> str:
    """A name without the hash that kustomize adds to what it generates."""
    return re.sub(r"-[a-z0-9]{10}$", "", name)


def without_generated(one: Manifest) -> str:
    """An object without the labels, tags and hashes that kustomize adds."""
    text = yaml.safe_dump(one, sort_keys=True)
    text = re.sub(r"^ *app\.kubernetes\.io/part-of: mayfly\n", "", text, flags=re.MULTILINE)
    text = re.sub(r"(name: (?:callers|storage-settings))-[a-z0-9]{10}", r"\1", text)
    return re.sub(r"^ *labels: \{\}\n|^ *labels:\n(?= *name)|:dev$", "", text, flags=re.MULTILINE)


def test_every_selector_finds_pods(cluster: Cluster) -> None:
    selectors = [one["spec"]["selector"] for kind in ("Service", "PodDisruptionBudget") for one in cluster.all(kind)]
    policies = [one for one in cluster.all("NetworkPolicy") if one["spec"]["podSelector"]]
    for policy in policies:
        peers = [
            peer
            for part in walk(policy["spec"])
            if isinstance(part, dict)
            for peer in part.get("from", part.get("to", ()))
        ]
        selectors += [policy["spec"]["podSelector"], *(peer["podSelector"] for peer in peers if "podSelector" in peer)]
    assert len(selectors) > 8
    assert [selector for selector in selectors if not cluster.selected(selector)] == []


def test_deployments_select_their_own_pods(cluster: Cluster) -> None:
    for one in cluster.all("Deployment"):
        assert cluster.selected(one["spec"]["selector"]) == {one["metadata"]["name"]}


def test_services_lead_to_ports_that_are_there(cluster: Cluster) -> None:
    for service in cluster.all("Service"):
        [name] = cluster.selected(service["spec"]["selector"])
        ports = {port["name"]: port["containerPort"] for port in cluster.container(name)["ports"]}
        for port in service["spec"]["ports"]:
            assert ports[port["targetPort"]] == port["port"]


def test_processes_listen_at_their_containers_ports(cluster: Cluster) -> None:
    for name in ("storage", "synth", "gateway"):
        environment = cluster.environment(name)
        listening = {int(v.rpartition(":")[2]) for k, v in environment.items() if k.endswith("LISTEN")}
        assert listening == {port["containerPort"] for port in cluster.container(name)["ports"]}


def test_autoscalers_scale_what_is_there() -> None:
    cluster = Cluster("overlays/eks")
    scaled = {one["spec"]["scaleTargetRef"]["name"] for one in cluster.all("HorizontalPodAutoscaler")}
    assert scaled == {one["metadata"]["name"] for one in cluster.all("Deployment")} == {"storage", "synth", "gateway"}
    for name in scaled:
        # Utilization is a share of what was requested.
        assert "cpu" in cluster.container(name)["resources"]["requests"]


@every_service
def test_every_setting_is_one_and_is_valid(
    cluster: Cluster, name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    environment = cluster.environment(name)
    if cluster.environment("storage")["MAYFLY_STORAGE_BACKEND"] == "aws":
        # The base leaves these to an overlay.
        environment = {
            "MAYFLY_STORAGE_BUCKET": "b",
            "MAYFLY_STORAGE_REGION": "r",
            "MAYFLY_STORAGE_TABLE": "t",
        } | environment
    # The gateway's callers are name=token; what is no secret of its settings is a file that is mounted.
    (tmp_path / "secret").write_text(f"{'app=' if name == 'gateway' else ''}0123456789abcdef0123456789abcdef")
    secrets = {f"{reference.variable}_FILE" for reference in SETTINGS[name].reference() if reference.secret}
    for variable, value in environment.items():
        monkeypatch.setenv(variable, str(tmp_path / "secret") if variable in secrets else value)

    known = {reference.variable for reference in SETTINGS[name].reference()}
    assert [v for v in cluster.environment(name) if v not in known and v.removesuffix("_FILE") not in known] == []
    assert SETTINGS[name].load().log_format == "json"


def test_files_that_settings_name_are_mounted(cluster: Cluster) -> None:
    for name in SETTINGS:
        mounts = [mount["mountPath"] for mount in cluster.container(name)["volumeMounts"]]
        for value in cluster.environment(name).values():
            if value.startswith("/"):
                assert any(value.startswith(mount) for mount in mounts), value


def test_memory_is_limited_and_cpu_is_asked_for(cluster: Cluster) -> None:
    for name in SETTINGS:
        resources = cluster.container(name)["resources"]
        assert {"cpu", "memory"} == set(resources["requests"])
        assert "memory" in resources["limits"]


def test_probes_ask_the_address_without_certificates(cluster: Cluster) -> None:
    for name, service in (("storage", "mayfly.storage.v1.StorageService"), ("synth", "mayfly.synth.v1.SynthService")):
        container = cluster.container(name)
        ports = {port["name"]: port["containerPort"] for port in container["ports"]}
        assert container["startupProbe"]["grpc"] == {"port": ports["health"]}
        assert container["readinessProbe"]["grpc"] == {"port": ports["health"], "service": service}
        # A store that is away makes a pod unready; restarting it would help nobody.
        assert container["livenessProbe"] == {
            "tcpSocket": {"port": ports["health"]},
            "periodSeconds": 10,
            "failureThreshold": 3,
        }


def test_the_gateway_is_out_while_its_services_are_away_and_is_not_restarted_for_that(cluster: Cluster) -> None:
    container = cluster.container("gateway")
    assert container["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "http"}
    assert container["startupProbe"]["httpGet"] == container["livenessProbe"]["httpGet"]
    assert container["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": "http"}


@pytest.mark.parametrize("overlay", ["overlays/eks", "overlays/embedded"])
def test_the_page_may_play_from_where_links_lead(overlay: str) -> None:
    cluster = Cluster(overlay)
    storage = cluster.environment("storage")
    bucket = "https://{MAYFLY_STORAGE_BUCKET}.s3.{MAYFLY_STORAGE_REGION}.amazonaws.com"

    links = storage.get("MAYFLY_STORAGE_LINKS_URL") or bucket.format_map(storage)

    assert cluster.environment("gateway")["MAYFLY_GATEWAY_LINK_ORIGINS"] == links


def test_pods_get_the_time_to_drain(cluster: Cluster) -> None:
    for name in ("storage", "synth", "gateway"):
        before = cluster.container(name)["lifecycle"]["preStop"]["sleep"]["seconds"]
        grace = cluster.templates()[name]["spec"]["terminationGracePeriodSeconds"]
        assert before + DEFAULT_DRAIN.total_seconds() < grace


def test_a_database_in_a_file_has_one_process() -> None:
    deployment = Cluster("overlays/embedded").one("Deployment", "storage")["spec"]
    assert (deployment["replicas"], deployment["strategy"]) == (1, {"type": "Recreate"})


def test_replicas_share_the_folder_that_takes_audio_while_s3_is_away() -> None:
    cluster = Cluster("base", "components/fallback")
    for one in built_in(cluster.objects):
        kubernetes_validate.validate(one, KUBERNETES, strict=True)
    claim = cluster.one("PersistentVolumeClaim", "fallback")["spec"]
    assert claim["accessModes"] == ["ReadWriteMany"]
    folder = cluster.environment("storage")["MAYFLY_STORAGE_FALLBACK_DIR"]
    mounts = {mount["mountPath"]: mount["name"] for mount in cluster.container("storage")["volumeMounts"]}
    volumes = {volume["name"]: volume for volume in cluster.templates()["storage"]["spec"]["volumes"]}
    assert volumes[mounts[folder]]["persistentVolumeClaim"]["claimName"] == "fallback"
    # An emptyDir of each pod's own is not it.
    assert not folder.startswith(cluster.environment("storage")["MAYFLY_STORAGE_DATA_DIR"])
    links = [
        rule for rule in cluster.one("NetworkPolicy", "synth")["spec"]["egress"] if {"port": "links"} in rule["ports"]
    ]
    assert [cluster.selected(peer["podSelector"]) for rule in links for peer in rule["to"]] == [{"storage"}]
