"""What a sweep found and did: counts by reason."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mayfly_sweeper.domain.items import DueReason


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Counts of one reason. `found` is the sum of the four outcomes."""

    reason: DueReason
    found: int = 0
    deleted: int = 0
    already_gone: int = 0
    skipped: int = 0
    failed: int = 0

    size_bytes: int = 0
    """Size of what was deleted (or would be, in a dry run)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The counts of a sweep."""

    lines: tuple[Line, ...] = ()
    """One for each reason that was found, in the order of `DueReason`."""

    deleted_by_store: Mapping[str, int] = field(default_factory=dict)
    """Items whose bytes are gone (or would be, in a dry run), by where they lay: `LOCAL`, `S3`."""

    objects_seen: int = 0
    """Objects that the listing looked at."""

    verified_gone: int = 0
    """Items that the store itself said are gone, after storage had deleted them."""

    still_there: int = 0
    """Items that storage said it deleted and that the store still has. Anything but 0 is an incident."""

    unverified: int = 0
    """Items that storage said it deleted and that could not be verified, because the check failed."""

    store_time: datetime | None = None
    """The store's own clock at the first listing."""

    oldest_object_time: datetime | None = None
    """When the oldest object that is left was written, by the store's clock; of collections whose audio has an end."""

    listings_complete: bool = False
    """Whether every listing was read to its end."""

    max_lateness: timedelta = timedelta(0)
    """How long after its time the latest item was deleted, by the store's clock."""

    @property
    def found(self) -> int:
        """Items that were found, of all reasons."""
        return sum(line.found for line in self.lines)

    @property
    def deleted(self) -> int:
        """Items whose bytes are gone, of all reasons."""
        return sum(line.deleted for line in self.lines)

    @property
    def already_gone(self) -> int:
        """Items that were gone already, of all reasons."""
        return sum(line.already_gone for line in self.lines)

    @property
    def skipped(self) -> int:
        """Items that were left, of all reasons."""
        return sum(line.skipped for line in self.lines)

    @property
    def failed(self) -> int:
        """Items that could not be deleted, of all reasons."""
        return sum(line.failed for line in self.lines)

    @property
    def size_bytes(self) -> int:
        """Size of what was deleted, of all reasons."""
        return sum(line.size_bytes for line in self.lines)

    @property
    def is_clean(self) -> bool:
        """Everything was looked at, and every item had its outcome without a failure."""
        return self.listings_complete and not (self.failed or self.still_there or self.unverified)
