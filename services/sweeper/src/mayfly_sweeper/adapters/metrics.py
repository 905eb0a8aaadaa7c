"""Metrics of sweeps: what an alert needs to know."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opentelemetry.metrics import Meter

    from mayfly_sweeper.domain.report import Line, Report
    from mayfly_sweeper.domain.sweep import Ending


class SweepMetrics:
    """Records what ended sweeps found and did. Dry runs count as such, and not as deletions."""

    def __init__(self, meter: Meter) -> None:
        self._sweeps = meter.create_counter("mayfly.sweeps", description="Ended sweeps", unit="{sweep}")
        self._items = meter.create_counter("mayfly.sweep.items", description="Items, by outcome", unit="{item}")
        self._bytes = meter.create_counter("mayfly.sweep.deleted", description="Size of what was deleted", unit="By")
        self._still_there = meter.create_counter(
            "mayfly.sweep.still_there", description="Deleted items that the store still has: an incident", unit="{item}"
        )
        self._lateness = meter.create_histogram(
            "mayfly.sweep.lateness", description="Greatest lateness of a sweep's deletions", unit="s"
        )

    def record(self, ending: Ending, *, dry_run: bool) -> None:
        """Count one ended sweep."""
        self._sweeps.add(1, {"state": ending.state.value, "dry_run": dry_run})
        if not dry_run:
            self._record_report(ending.report)

    def _record_report(self, report: Report) -> None:
        for line in report.lines:
            self._record_line(line)
        self._still_there.add(report.still_there)
        if report.deleted:
            self._lateness.record(report.max_lateness.total_seconds())

    def _record_line(self, line: Line) -> None:
        for outcome in ("deleted", "already_gone", "skipped", "failed"):
            if count := getattr(line, outcome):
                self._items.add(count, {"reason": line.reason.value, "outcome": outcome})
        self._bytes.add(line.size_bytes, {"reason": line.reason.value})
