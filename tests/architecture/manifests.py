"""What `kustomize build` makes of deploy/k8s, for tests on machines without it: as much of kustomize as the files use.

Where a kustomize is on the PATH, a test compares the two.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonpatch
import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2] / "deploy/k8s"
KUBERNETES = "1.32"
OVERLAYS = ["base", "overlays/eks", "overlays/embedded"]
CLUSTER_WIDE = {"Namespace"}

Manifest = dict[str, Any]


def render(folder: str, *components: str) -> list[Manifest]:
    """All objects of a kustomization (and of components on top): resources, components, generators, patches."""
    objects: list[Manifest] = []
    for part in (folder, *components):
        _apply((ROOT / part).resolve(), objects)
    return objects


def _apply(folder: Path, objects: list[Manifest]) -> None:
    told = yaml.safe_load((folder / "kustomization.yaml").read_text())
    for resource in told.get("resources", ()):
        _add(folder / resource, objects)
    for component in told.get("components", ()):
        _apply(folder / component, objects)
    for generator in told.get("configMapGenerator", ()):
        _generate(folder, generator, objects)
    for patch in told.get("patches", ()):
        _patch(patch, objects)
    for one in objects:
        if "namespace" in told and one["kind"] not in CLUSTER_WIDE:
            one["metadata"]["namespace"] = told["namespace"]


def _add(path: Path, objects: list[Manifest]) -> None:
    if path.is_dir():
        _apply(path, objects)
    else:
        objects += [one for one in yaml.safe_load_all(path.read_text()) if one]


def _generate(folder: Path, generator: Manifest, objects: list[Manifest]) -> None:
    data = dict(literal.split("=", 1) for literal in generator.get("literals", ()))
    data |= {name: (folder / name).read_text() for name in generator.get("files", ())}
    if generator.get("behavior") == "merge":
        [known] = [
            one for one in objects if one["metadata"]["name"] == generator["name"] and one["kind"] == "ConfigMap"
        ]
        known["data"] |= data
    else:
        metadata = {"name": generator["name"]}
        objects.append({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})


def _patch(patch: Manifest, objects: list[Manifest]) -> None:
    target = patch["target"]
    found = [one for one in objects if (one["kind"], one["metadata"]["name"]) == (target["kind"], target["name"])]
    assert len(found) == 1, f"the patch of {target} meets {len(found)} objects"
    jsonpatch.apply_patch(found[0], yaml.safe_load(patch["patch"]), in_place=True)


def walk(value: Any) -> Iterator[Any]:
    """Every value inside a value, and itself."""
    yield value
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for part in inside:
        yield from walk(part)


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
