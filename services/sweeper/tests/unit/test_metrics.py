from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from mayfly_sweeper.adapters.metrics import SweepMetrics
from mayfly_sweeper.domain.items import DueReason
from mayfly_sweeper.domain.report import Line, Report
from mayfly_sweeper.domain.sweep import Ending, SweepState

if TYPE_CHECKING:
    from collections.abc import Iterator

LINE = Line(reason=DueReason.EXPIRED, found=7, deleted=4, already_gone=1, skipped=1, failed=1, size_bytes=2_500)
PARTIAL = Ending(
    state=SweepState.PARTIAL,
    report=Report(lines=(LINE,), still_there=1, max_lateness=timedelta(seconds=94)),
)


class Recorded:
    """Metrics of sweeps that are kept in memory."""

    def __init__(self) -> None:
        self.reader = InMemoryMetricReader()
        self.provider = MeterProvider([self.reader])
        self.metrics = SweepMetrics(self.provider.get_meter("test"))

    def points(self) -> dict[str, list[tuple[dict[str, Any], Any]]]:
        """Attributes and value (a histogram's sum) of every point, by metric."""
        data = self.reader.get_metrics_data()
        found = [m for r in data.resource_metrics for s in r.scope_metrics for m in s.metrics] if data else []
        return {
            each.name: [
                (dict(point.attributes or {}), getattr(point, "sum", None) or getattr(point, "value", 0))
                for point in each.data.data_points
            ]
            for each in found
        }


@pytest.fixture
def recorded() -> Iterator[Recorded]:
    recorded = Recorded()
    yield recorded
    recorded.provider.shutdown()


def test_items_are_counted_by_outcome_so_that_a_success_rate_can_be_told(recorded: Recorded) -> None:
    recorded.metrics.record(PARTIAL, dry_run=False)
    recorded.metrics.record(PARTIAL, dry_run=False)

    counts = {attributes["outcome"]: value for attributes, value in recorded.points()["mayfly.sweep.items"]}

    assert counts == {"deleted": 8, "already_gone": 2, "skipped": 2, "failed": 2}


def test_a_sweep_is_counted_with_its_state_what_it_freed_and_how_late_it_was(recorded: Recorded) -> None:
    recorded.metrics.record(PARTIAL, dry_run=False)

    points = recorded.points()

    assert points["mayfly.sweeps"] == [({"state": "PARTIAL", "dry_run": False}, 1)]
    assert points["mayfly.sweep.deleted"] == [({"reason": "EXPIRED"}, 2_500)]
    assert points["mayfly.sweep.still_there"] == [({}, 1)]
    assert points["mayfly.sweep.lateness"] == [({}, 94)]


def test_a_dry_run_is_counted_and_deletes_nothing_in_the_metrics_either(recorded: Recorded) -> None:
    recorded.metrics.record(PARTIAL, dry_run=True)

    assert recorded.points() == {"mayfly.sweeps": [({"state": "PARTIAL", "dry_run": True}, 1)]}
