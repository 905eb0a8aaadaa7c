"""deploy/k8s: when the sweeper runs, for how long, and in how many shares."""

from __future__ import annotations

import kubernetes_validate
from croniter import croniter

from mayfly_runtime.durations import parse_duration
from tests.architecture.manifests import KUBERNETES, Cluster


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


def test_a_sharded_sweep_has_one_pod_for_each_share() -> None:
    job = Cluster("base", "components/sharded-sweep").one("CronJob", "sweeper")["spec"]["jobTemplate"]
    kubernetes_validate.validate({"apiVersion": "batch/v1", "kind": "Job", **job}, KUBERNETES, strict=True)
    spec = job["spec"]
    assert spec["completionMode"] == "Indexed"
    shard = spec["template"]["spec"]["containers"][0]["args"][-1]
    assert shard == f"$(JOB_COMPLETION_INDEX)/{spec['completions']}"
    assert spec["parallelism"] == spec["completions"]


def test_a_share_that_fails_does_not_end_the_others() -> None:
    spec = Cluster("base", "components/sharded-sweep").one("CronJob", "sweeper")["spec"]["jobTemplate"]["spec"]
    assert [rule["action"] for rule in spec["podFailurePolicy"]["rules"]] == ["FailIndex", "Ignore"]
    assert spec["backoffLimitPerIndex"] == 2
    # Failures of all shares together would count against it.
    assert "backoffLimit" not in spec
