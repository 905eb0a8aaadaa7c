"""The alert rules parse, and name only metrics, labels and values that the services really have."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import promql_parser as promql
import pytest
import yaml
from opentelemetry.metrics import NoOpMeter, NoOpMeterProvider
from opentelemetry.trace import NoOpTracerProvider

from mayfly_gateway.playback import Playback, PlaybackCounter
from mayfly_gateway.security.traffic import Traffic
from mayfly_runtime.telemetry import Telemetry
from mayfly_runtime.telemetry_names import duration_histogram
from mayfly_storage.domain.audio import Location
from mayfly_storage.domain.fallback import Fallback
from mayfly_storage.fallback_gauges import offer_fallback
from mayfly_storage.link_metrics import offer_traffic
from mayfly_storage.mirror_queue import MirrorQueue
from mayfly_storage.transport.audit import Audit
from mayfly_storage.usage_gauges import offer_gauges
from mayfly_sweeper.adapters.metrics import SweepMetrics
from mayfly_sweeper.domain.sweep import SweepState

if TYPE_CHECKING:
    from collections.abc import Iterator

RULES = Path(__file__).resolve().parents[2] / "deploy/alerts/mayfly.rules.yaml"
UNITS = {"s": "_seconds", "By": "_bytes"}
"""What Prometheus's translation of OTLP puts behind a name; units in braces are annotations, and `1` is none."""


class Recorder(NoOpMeter):
    """A meter that remembers what was made with it, by the names that Prometheus gives."""

    def __init__(self) -> None:
        super().__init__("recorder")
        self.names: set[str] = set()

    def _take(self, name: str, unit: str, ends: tuple[str, ...]) -> None:
        stem = name.replace(".", "_") + UNITS.get(unit, "")
        self.names |= {stem + end for end in ends}

    def create_counter(self, name: str, unit: str = "", description: str = "") -> Any:
        self._take(name, unit, ("_total",))
        return super().create_counter(name, unit, description)

    def create_observable_counter(self, name: str, callbacks: Any = None, unit: str = "", description: str = "") -> Any:
        self._take(name, unit, ("_total",))
        return super().create_observable_counter(name, callbacks, unit, description)

    def create_observable_gauge(self, name: str, callbacks: Any = None, unit: str = "", description: str = "") -> Any:
        self._take(name, unit, ("",))
        return super().create_observable_gauge(name, callbacks, unit, description)

    def create_histogram(self, name: str, unit: str = "", description: str = "", **more: Any) -> Any:
        self._take(name, unit, ("_bucket", "_count", "_sum"))
        return super().create_histogram(name, unit, description, **more)


class _Providing(NoOpMeterProvider):
    """Gives this one meter."""

    def __init__(self, meter: Recorder) -> None:
        super().__init__()
        self._meter = meter

    def get_meter(self, *_: Any, **__: Any) -> Any:
        return self._meter


@cache
def exported() -> frozenset[str]:
    """All metrics of all services, as Prometheus has them."""
    meter: Any = Recorder()
    none: Any = None
    Audit(meter)
    SweepMetrics(meter)
    offer_gauges(meter, none)
    offer_traffic(meter, none)
    MirrorQueue(none).offer_metrics(meter)
    fallback = Fallback(location=Location.LOCAL, now=none, threshold=1, patience=none)
    offer_fallback(meter, fallback)
    for side in ("server", "client"):
        duration_histogram(meter, side)
    PlaybackCounter(meter)
    Traffic(none, Telemetry(NoOpTracerProvider(), _Providing(meter)), trusts_callers=False)
    return frozenset(meter.names)


def rules() -> list[dict[str, Any]]:
    told = yaml.safe_load(RULES.read_text(encoding="utf-8"))
    return [rule for group in told["groups"] for rule in group["rules"]]


def selectors(expression: str) -> Iterator[Any]:
    """Every selector of an expression; the parser has no walk of its own."""
    waiting = [promql.parse(expression)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, promql.VectorSelector):
            yield node
            continue
        for name in ("expr", "lhs", "rhs", "args", "vector_selector", "param"):
            child = getattr(node, name, None)
            waiting += child if isinstance(child, list) else [child] if child is not None else []


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_a_rule_parses_and_names_what_the_services_export(rule: dict[str, Any]) -> None:
    found = list(selectors(rule["expr"]))
    assert found
    assert {each.name for each in found} <= exported()


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_a_rule_says_how_urgent_it_is_what_is_wrong_and_what_to_do(rule: dict[str, Any]) -> None:
    assert re.fullmatch(r"Mayfly[A-Z]\w+", rule["alert"])
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert set(rule["annotations"]) == {"summary", "description"}
    assert all(text.strip().endswith(".") for text in rule["annotations"].values())


def test_the_states_of_sweeps_are_those_that_there_are() -> None:
    named = re.findall(r'state=~?"([\w|]+)"', RULES.read_text(encoding="utf-8"))
    assert named
    assert {state for each in named for state in each.split("|")} <= {state.value for state in SweepState}


def test_the_outcomes_of_playing_are_those_that_there_are() -> None:
    [told] = [rule["expr"] for rule in rules() if rule["alert"] == "MayflyListenersHearNothing"]
    named = {outcome for each in re.findall(r'outcome=~?"([\w|]+)"', told) for outcome in each.split("|")}
    assert named == {Playback.PLAYED.value, Playback.BROKEN.value}


def test_a_metric_that_nobody_exports_would_be_found() -> None:
    [selector] = selectors("sum(increase(mayfly_sweep_total[5m])) > 0")
    assert selector.name not in exported()


def test_what_system_c_wants_to_be_told_has_a_rule() -> None:
    """C55: upload failures, error rate, cost threshold, slow-down; and R13: a sweep that was left out."""
    names = {rule["alert"] for rule in rules()}
    assert {"MayflyUploadsFail", "MayflyErrors", "MayflyCost", "MayflySlow", "MayflySweepMissing"} <= names
