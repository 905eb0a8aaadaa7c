"""How a sweep's ending is told: as one line, as a table, as JSON, as fields of a log event."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rich.table import Table

if TYPE_CHECKING:
    from mayfly_sweeper.domain.items import DueItem, PurgeResult
    from mayfly_sweeper.domain.report import Report
    from mayfly_sweeper.domain.sweep import Ending, SweepOrder


def summary_fields(ending: Ending) -> dict[str, Any]:
    """The counts of a sweep, as fields of a log event."""
    report = ending.report
    fields = {
        "state": ending.state.value,
        "found": report.found,
        "deleted": report.deleted,
        "already_gone": report.already_gone,
        "skipped": report.skipped,
        "failed": report.failed,
        "size_bytes": report.size_bytes,
        "verified_gone": report.verified_gone,
        "still_there": report.still_there,
        "objects_seen": report.objects_seen,
        "listings_complete": report.listings_complete,
        "max_lateness_seconds": report.max_lateness.total_seconds(),
        "certificate": ending.certificate,
    }
    return {**fields, "failure": ending.failure} if ending.failure else fields


def summary_line(ending: Ending, *, order: SweepOrder, elapsed: float) -> str:
    """The whole sweep in one line."""
    state = f"{ending.state}{' (dry run)' if order.dry_run else ''}"
    told = _sentence(ending.failure) or _counts(ending.report, dry_run=order.dry_run)
    return " ".join([f"{state}: {told}", *map(_sentence, ending.notes), *_evidence(ending), f"({elapsed:.1f} s)"])


def _counts(report: Report, *, dry_run: bool) -> str:
    deleted = "would be deleted" if dry_run else "deleted"
    parts = [
        f"{report.found} found",
        f"{report.deleted} {deleted} ({readable_size(report.size_bytes)})",
        f"{report.already_gone} already gone",
        f"{report.skipped} skipped",
        f"{report.failed} failed",
    ]
    if not dry_run:
        parts.append(f"{report.verified_gone} verified gone")
    if len(report.deleted_by_store) > 1:
        parts += [f"{count} in {store}" for store, count in sorted(report.deleted_by_store.items())]
    if report.still_there:
        parts.append(f"{report.still_there} STILL THERE")
    if report.deleted and not dry_run:
        parts.append(f"at most {report.max_lateness.total_seconds():.0f} s late")
    return f"{', '.join(parts)}."


def _sentence(text: str) -> str:
    return text if text.endswith(".") or not text else f"{text}."


def _evidence(ending: Ending) -> list[str]:
    return [f"Certificate {ending.certificate}."] if ending.certificate else []


def item_line(item: DueItem, result: PurgeResult) -> str:
    """One item of a dry run: why, what storage would do, how large, since when, and which."""
    fate = {"DELETED": "would go", "ALREADY_GONE": "gone", "SKIPPED": "stays"}.get(result.outcome, result.failure)
    due = f"{item.due_time:%Y-%m-%dT%H:%M:%SZ}" if item.due_time else "-"
    return f"{item.reason:<16} {fate:<9} {readable_size(item.size_bytes):>9}  {due:<20}  {item.label}"


def summary_table(ending: Ending, *, order: SweepOrder) -> Table:
    """The counts by reason, for a terminal."""
    table = Table(title="Dry run: nothing was deleted" if order.dry_run else None)
    table.add_column("reason")
    for column in ("found", "would go" if order.dry_run else "deleted", "already gone", "skipped", "failed", "size"):
        table.add_column(column, justify="right")
    for line in ending.report.lines:
        counts = (line.found, line.deleted, line.already_gone, line.skipped, line.failed)
        table.add_row(line.reason, *map(str, counts), readable_size(line.size_bytes))
    return table


def summary_json(ending: Ending, *, order: SweepOrder, start_time: datetime, elapsed: float) -> str:
    """Everything, for programs: times as RFC 3339, durations in seconds."""
    report = asdict(ending.report)
    del report["max_lateness"]
    told = {
        "state": ending.state,
        "dry_run": order.dry_run,
        "passes": order.passes,
        "collection": order.selection.collection,
        "path": order.selection.path,
        "store": order.selection.store,
        "older_than_seconds": order.selection.older_than.total_seconds(),
        "shard": f"{order.selection.shard.index}/{order.selection.shard.count}",
        "start_time": start_time,
        "elapsed_seconds": round(elapsed, 3),
        "failure": ending.failure,
        "notes": ending.notes,
        "certificate": ending.certificate or None,
        "report": {**report, "max_lateness_seconds": ending.report.max_lateness.total_seconds()},
    }
    return json.dumps(told, default=_plain, indent=2)


def readable_size(size: int) -> str:
    """A size as people read it."""
    amount = float(size)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    raise TypeError(f"no JSON form of {type(value).__name__}")
