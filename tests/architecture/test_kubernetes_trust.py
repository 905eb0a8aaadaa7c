"""deploy/k8s: who may do what, reach whom, and hold which credentials."""

from __future__ import annotations

import re
from fnmatch import fnmatch

from mayfly_runtime.callers_file import read_callers
from tests.architecture.manifests import ROOT, Cluster, walk

AWS = re.compile(r"AWS_|S3_|BUCKET|eks\.amazonaws\.com")


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


def test_the_gateway_reaches_the_services_and_nothing_else(cluster: Cluster) -> None:
    [rule] = cluster.one("NetworkPolicy", "gateway")["spec"]["egress"]
    assert rule["ports"] == [{"port": "grpc"}]
    assert {name for peer in rule["to"] for name in cluster.selected(peer["podSelector"])} == {"storage", "synth"}


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
    for name in cluster.templates():
        [tls] = [v for v in cluster.templates()[name]["spec"]["volumes"] if v["name"] == "tls"]
        assert tls["secret"]["secretName"] == certificates[name]["secretName"]
