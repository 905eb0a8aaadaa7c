"""What the sweeper answers. Times are aware UTC datetimes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


class SweepState(StrEnum):
    """Where a sweep stands."""

    UNSPECIFIED = "UNSPECIFIED"
    """A state that this client does not know."""
    RUNNING = "RUNNING"
    """At work."""
    CLEAN = "CLEAN"
    """Ended, and every item had its outcome without a failure."""
    PARTIAL = "PARTIAL"
    """Ended, and some items failed; the next sweep tries them again."""
    FAILED = "FAILED"
    """Could not run to its end."""
    GUARDED = "GUARDED"
    """Stopped by a guard before anything was deleted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportLine:
    """Counts of one reason."""

    reason: str
    """Why the items were due, e.g. `EXPIRED`."""
    found: int
    deleted: int
    already_gone: int
    skipped: int
    failed: int
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepReport:
    """What a sweep found and did."""

    lines: tuple[ReportLine, ...]
    objects_seen: int
    verified_gone: int
    still_there: int
    """Reported deleted and still there: anything but 0 is an incident."""
    store_time: datetime | None
    listings_complete: bool
    max_lateness_seconds: float
    deleted_local: int = 0
    """Items whose bytes are gone from storage's own files."""
    deleted_s3: int = 0
    """Items whose bytes are gone from S3."""
    oldest_object_time: datetime | None = None
    """When the oldest object that is left was written; of collections whose audio has an end."""

    @property
    def found(self) -> int:
        """Items that were due, for all reasons."""
        return sum(line.found for line in self.lines)

    @property
    def deleted(self) -> int:
        """Items whose bytes are gone (or would be, in a dry run), for all reasons."""
        return sum(line.deleted for line in self.lines)

    @property
    def failed(self) -> int:
        """Items that could not be deleted, for all reasons."""
        return sum(line.failed for line in self.lines)

    @property
    def size_bytes(self) -> int:
        """Size of what was deleted, for all reasons."""
        return sum(line.size_bytes for line in self.lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """One run: what it was asked, how far it is, and what it did."""

    name: str
    state: SweepState
    dry_run: bool
    start_time: datetime
    end_time: datetime | None
    """None while it runs."""
    report: SweepReport
    failure: str
    """What went wrong, for FAILED and GUARDED."""
    notes: tuple[str, ...] = ()
    """Why it is PARTIAL, and what a real run would have been stopped by: sentences for people."""
    certificate: int | None = None
    """Number of its certificate; None for dry runs, and while there is none."""
