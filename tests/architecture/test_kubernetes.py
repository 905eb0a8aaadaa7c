"""deploy/k8s, judged without a cluster: by the schemas, and by what schemas miss."""

from __future__ import annotations

import re
import shutil
import subprocess
from fnmatch import fnmatch
from typing import TYPE_CHECKING, Any

import kubernetes_validate
import pytest
import yaml
from croniter import croniter

from mayfly_gateway.config import GatewaySettings
from mayfly_runtime.callers_file import read_callers
from mayfly_runtime.durations import parse_duration
from mayfly_runtime.server_options import DEFAULT_DRAIN
from mayfly_storage.config import StorageSettings
from mayfly_sweeper.config import SweeperSettings
from mayfly_synth.config import SynthSettings
from tests.architecture.manifests import ROOT, Manifest, render

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mayfly_runtime.settings import ServiceSettings

KUBERNETES = "1.32"
OVERLAYS = ["base", "overlays/eks", "overlays/embedded"]
SETTINGS: dict[str, type[ServiceSettings]] = {
    "storage": StorageSettings,
    "synth": SynthSettings,
    "sweeper": SweeperSettings,
    "gateway": GatewaySettings,
}
AWS = re.compile(r"AWS_|S3_|BUCKET|eks\.amazonaws\.com")

every_overlay = pytest.mark.parametrize("overlay", OVERLAYS)
every_service = pytest.mark.parametrize("name", SETTINGS)


class Cluster:
    """The objects of one overlay, as somebody asks for them."""

    def __init__(self, overlay: str, *components: str) -> None:
        self.objects = render(overlay, *components)

    def all(self, kind: str) -> list[Manifest]:
        return [one for one in self.objects if one["kind"] == kind]

    def one(self, kind: str, name: str) -> Manifest:
        [found] = [one for one in self.all(kind) if one["metadata"]["name"] == name]
        return found

    def templates(self) -> dict[str, Manifest]:
        """The pod templates by name of their workload."""
        deployments = {one["metadata"]["name"]: one["spec"]["template"] for one in self.all("Deployment")}
        jobs = {one["metadata"]["name"]: one["spec"]["jobTemplate"]["spec"]["template"] for one in self.all("CronJob")}
        return deployments | jobs

    def container(self, name: str) -> Manifest:
        [container] = self.templates()[name]["spec"]["containers"]
        return dict(container)

    def environment(self, name: str) -> dict[str, str]:
        """What a container's process sees; what only a node knows is a number."""
        container = self.container(name)
        known: dict[str, str] = {}
        for source in container.get("envFrom", ()):
            known |= self.one("ConfigMap", source["configMapRef"]["name"])["data"]
        return known | {one["name"]: one.get("value", "2") for one in container.get("env", ())}

    def selected(self, selector: Manifest) -> set[str]:
        """The workloads whose pods a label selector finds."""
        wanted = selector.get("matchLabels", selector).items()
        return {name for name, pod in self.templates().items() if wanted <= pod["metadata"]["labels"].items()}


@pytest.fixture(scope="module", params=[*OVERLAYS, "overlays/eks components/fallback"])
def cluster(request: pytest.FixtureRequest) -> Cluster:
    return Cluster(*request.param.split())


@pytest.fixture(scope="module")
def base() -> Cluster:
    return Cluster("base")


def built_in(objects: list[Manifest]) -> Iterator[Manifest]:
    return (one for one in objects if "cert-manager.io" not in one["apiVersion"])


def walk(value: Any) -> Iterator[Any]:
    yield value
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for part in inside:
        yield from walk(part)


@every_overlay
def test_objects_are_what_kubernetes_knows(overlay: str) -> None:
    for one in built_in(render(overlay)):
        kubernetes_validate.validate(one, KUBERNETES, strict=True)


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


def test_only_storage_has_anything_to_do_with_aws(cluster: Cluster) -> None:
    for name in ("synth", "sweeper", "gateway"):
        told = [*cluster.environment(name), *map(str, walk(cluster.templates()[name]))]
        assert [text for text in told if AWS.search(text)] == []
        assert "envFrom" not in cluster.container(name)
    annotated = {one["metadata"]["name"] for one in cluster.all("ServiceAccount") if "annotations" in one["metadata"]}
    assert annotated <= {"storage"}


def test_only_storages_account_may_assume_the_role() -> None:
    accounts = Cluster("overlays/eks").all("ServiceAccount")
    roles = {one["metadata"]["name"]: one["metadata"].get("annotations", {}) for one in accounts}
    assert "eks.amazonaws.com/role-arn" in roles.pop("storage")
    assert set(roles) == {"synth", "sweeper", "gateway"}
    assert not any(roles.values())


def test_each_workload_runs_as_its_own_account_that_the_api_does_not_know(cluster: Cluster) -> None:
    for name, pod in cluster.templates().items():
        assert pod["spec"]["serviceAccountName"] == name
        assert pod["spec"]["automountServiceAccountToken"] is False
        assert cluster.one("ServiceAccount", name)["automountServiceAccountToken"] is False


def test_pods_are_admitted_under_the_restricted_standard(cluster: Cluster) -> None:
    assert (
        cluster.one("Namespace", "mayfly")["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    )
    for name, pod in cluster.templates().items():
        security = pod["spec"]["securityContext"]
        assert security["runAsNonRoot"]
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}
        container = cluster.container(name)["securityContext"]
        assert container == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert not any("hostPath" in volume for volume in pod["spec"]["volumes"])


def test_what_is_mounted_is_there_and_what_is_writable_is_bounded(cluster: Cluster) -> None:
    for name, pod in cluster.templates().items():
        volumes = {volume["name"]: volume for volume in pod["spec"]["volumes"]}
        for mount in cluster.container(name)["volumeMounts"]:
            volume = volumes.pop(mount["name"])
            assert mount.get("readOnly") or "persistentVolumeClaim" in volume or volume["emptyDir"]["sizeLimit"]
        assert volumes == {}


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


def test_the_gateway_reaches_the_services_and_nothing_else(cluster: Cluster) -> None:
    [rule] = cluster.one("NetworkPolicy", "gateway")["spec"]["egress"]
    assert rule["ports"] == [{"port": "grpc"}]
    assert {name for peer in rule["to"] for name in cluster.selected(peer["podSelector"])} == {"storage", "synth"}


def test_pods_get_the_time_to_drain(cluster: Cluster) -> None:
    for name in ("storage", "synth", "gateway"):
        before = cluster.container(name)["lifecycle"]["preStop"]["sleep"]["seconds"]
        grace = cluster.templates()[name]["spec"]["terminationGracePeriodSeconds"]
        assert before + DEFAULT_DRAIN.total_seconds() < grace


def test_the_schedule_keeps_the_bound_of_thirty_minutes(base: Cluster) -> None:
    spec = base.one("CronJob", "sweeper")["spec"]
    assert croniter.is_valid(spec["schedule"])
    runs = croniter(spec["schedule"], 0.0)
    period = runs.get_next() - runs.get_prev()
    longest = spec["jobTemplate"]["spec"]["activeDeadlineSeconds"]
    assert 2 * period + longest <= 30 * 60
    assert longest < period


def test_a_schedule_cannot_end_itself(base: Cluster) -> None:
    spec = base.one("CronJob", "sweeper")["spec"]
    assert spec["timeZone"] == "Etc/UTC"
    assert spec["concurrencyPolicy"] == "Forbid"
    assert 10 <= spec["startingDeadlineSeconds"] < 600


def test_a_sweep_stops_by_itself_before_it_is_killed(base: Cluster) -> None:
    job = base.one("CronJob", "sweeper")["spec"]["jobTemplate"]["spec"]
    budget = parse_duration(base.environment("sweeper")["MAYFLY_SWEEPER_TIME_BUDGET"])
    assert budget.total_seconds() < job["activeDeadlineSeconds"]
    assert job["template"]["spec"]["restartPolicy"] == "Never"
    # A guard's no, and items that failed, are not mended by another try now.
    assert job["podFailurePolicy"]["rules"][0]["onExitCodes"] == {
        "containerName": "sweeper",
        "operator": "In",
        "values": [1, 3],
    }


def test_nothing_is_reached_unless_a_policy_says_so(base: Cluster) -> None:
    deny = base.one("NetworkPolicy", "default-deny")["spec"]
    assert deny == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    assert {one["metadata"]["name"] for one in base.all("NetworkPolicy")} >= set(base.templates())


def test_only_the_sweeper_reaches_the_retention_port(cluster: Cluster) -> None:
    ingress = cluster.one("NetworkPolicy", "storage")["spec"]["ingress"]
    doors = [rule for rule in ingress if any(port["port"] == "retention" for port in rule["ports"])]
    assert [rule["from"] for rule in doors] == [
        [{"podSelector": {"matchLabels": {"app.kubernetes.io/name": "sweeper"}}}]
    ]


def test_nobody_but_storage_reaches_what_hands_out_credentials(cluster: Cluster) -> None:
    for name in ("synth", "sweeper"):
        for rule in cluster.one("NetworkPolicy", name)["spec"].get("egress", ()):
            for block in (peer["ipBlock"] for peer in rule["to"] if "ipBlock" in peer):
                assert block == {"cidr": "0.0.0.0/0", "except": ["169.254.0.0/16"]}


def test_callers_are_those_who_get_certificates_and_may_do_no_more_than_in_compose() -> None:
    callers = {caller.name: caller for caller in read_callers(ROOT / "base/callers.toml")}
    assert set(callers) == {"synth", "sweeper", "gateway", "backend"}
    assert not any(fnmatch("/mayfly.storage.v1.RetentionService/PurgeAudio", m) for m in callers["synth"].methods)
    issued = {uri for one in Cluster("overlays/eks").all("Certificate") for uri in one["spec"].get("uris", ())}
    assert issued >= {callers[name].spiffe_id for name in ("synth", "sweeper", "gateway")}


def test_certificates_are_for_the_names_that_clients_use() -> None:
    cluster = Cluster("overlays/eks")
    certificates = {one["metadata"]["name"]: one["spec"] for one in cluster.all("Certificate")}
    targets = {
        variable: value
        for name in ("synth", "sweeper", "gateway")
        for variable, value in cluster.environment(name).items()
        if variable.endswith("_TARGET")
    }
    assert len(targets) == 4
    for variable, target in targets.items():
        host = target.removeprefix("dns:///").partition(":")[0]
        server = "synth" if variable.endswith("_SYNTH_TARGET") else "storage"
        assert host in certificates[server]["dnsNames"]
        assert cluster.one("Service", host)["spec"]["clusterIP"] == "None"
    for name in SETTINGS:
        [tls] = [v for v in cluster.templates()[name]["spec"]["volumes"] if v["name"] == "tls"]
        assert tls["secret"]["secretName"] == certificates[name]["secretName"]


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


def test_a_sharded_sweep_has_one_pod_for_each_share() -> None:
    job = Cluster("base", "components/sharded-sweep").one("CronJob", "sweeper")["spec"]["jobTemplate"]
    kubernetes_validate.validate({"apiVersion": "batch/v1", "kind": "Job", **job}, KUBERNETES, strict=True)
    spec = job["spec"]
    assert spec["completionMode"] == "Indexed"
    shard = spec["template"]["spec"]["containers"][0]["args"][-1]
    assert shard == f"$(JOB_COMPLETION_INDEX)/{spec['completions']}"
    assert spec["parallelism"] == spec["completions"]
