"""What `kustomize build` makes of deploy/k8s, for tests on machines without it: as much of kustomize as the files use.

Where a kustomize is on the PATH, a test compares the two.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonpatch
import yaml

ROOT = Path(__file__).resolve().parents[2] / "deploy/k8s"
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
