"""The Kubernetes objects that several suites judge, rendered once for each."""

from __future__ import annotations

import pytest

from tests.architecture.manifests import OVERLAYS, Cluster


@pytest.fixture(scope="module", params=[*OVERLAYS, "overlays/eks components/fallback"])
def cluster(request: pytest.FixtureRequest) -> Cluster:
    return Cluster(*request.param.split())


@pytest.fixture(scope="module")
def base() -> Cluster:
    return Cluster("base")
