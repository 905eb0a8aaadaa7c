"""The protocol's periods of grace, and when a row needs the sweeper.

Grace protects availability; safety rests on the conditional writes alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from mayfly_storage.domain.audio import Audio, Lease, State

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """All settings; the defaults are those of the model-checked protocol. Raises ValueError where they contradict."""

    upload_lifetime: timedelta = timedelta(minutes=2)
    """How long a grant lives. Longer helps slow writers; shorter lets abandoned uploads go sooner."""
    late_put_bound: timedelta = timedelta(minutes=20)
    """A PUT that began in time lands this much later at most: stores refuse dates 15 minutes off, plus transfer."""
    multipart_lifetime: timedelta = timedelta(minutes=30)
    """How long the grant of large audio lives, in parts or not: as long as slow writers need for it."""
    multipart_grace: timedelta = timedelta(hours=1)
    """Uploads in parts that are older, and belong to nobody, are aborted."""
    pending_grace: timedelta = timedelta(minutes=5)
    """An upload that was never committed is reaped this long after its deadline."""
    orphan_grace: timedelta = timedelta(minutes=30)
    """Objects younger than this are never orphans: their row may be on its way."""
    request_lifetime: timedelta = timedelta(hours=48)
    """How long a request_id is remembered."""
    tombstone_margin: timedelta = timedelta(days=7)
    """DynamoDB's `ttl` is this long after the expiry: garbage collection of rows only, never the expiry itself."""

    erase_time: timedelta = timedelta(minutes=1)
    """For how long an eraser may delete at a key that the caller chose; the store refuses what comes later."""
    clock_allowance: timedelta = timedelta(minutes=1)
    """How far storage's clock may be from the store's: an eraser's lease lasts so much longer than its deletes."""
    certificate_lifetime: timedelta = timedelta(days=30)
    """How long the certificates of sweeps are kept. The newest one always is: the next one names it."""

    def __post_init__(self) -> None:
        if self.orphan_grace <= self.upload_lifetime + self.late_put_bound:
            msg = (
                f"orphan_grace ({self.orphan_grace}) must be longer than upload_lifetime + late_put_bound "
                f"({self.upload_lifetime + self.late_put_bound}), or an upload under way could be taken for an orphan"
            )
            raise ValueError(msg)
        if self.multipart_grace <= self.multipart_lifetime + self.late_put_bound:
            msg = (
                f"multipart_grace ({self.multipart_grace}) must be longer than multipart_lifetime + late_put_bound "
                f"({self.multipart_lifetime + self.late_put_bound}), or parts under way could be taken for abandoned"
            )
            raise ValueError(msg)
        if self.erase_time < timedelta(seconds=1):
            msg = f"erase_time ({self.erase_time}) must be at least a second: stores count whole ones"
            raise ValueError(msg)
        if self.tombstone_margin < self.request_lifetime:
            msg = (
                f"tombstone_margin ({self.tombstone_margin}) must not be shorter than "
                f"request_lifetime ({self.request_lifetime})"
            )
            raise ValueError(msg)

    def due_time(self, audio: Audio) -> datetime | None:
        """When the row needs the sweeper; None: never (kept audio)."""
        if audio.state is State.READY:
            return audio.expire_time
        if audio.state is State.PENDING:
            return audio.upload_deadline + self.pending_grace
        return max((time for time in self._waits_for(audio) if time is not None), default=None)

    def _waits_for(self, tombstone: Audio) -> Iterator[datetime | None]:
        """What has to come before an eraser can do anything more."""
        yield tombstone.delete_time
        if tombstone.lease is not None:
            yield tombstone.lease.end
        if tombstone.bytes_gone:
            yield self.settled_time(tombstone)

    def settled_time(self, audio: Audio) -> datetime:
        """From here on no late PUT of this row can land, so that its tombstone may go (D4).

        One that was acknowledged and has given its key back waits for nothing: whatever lands there is no more its own.
        """
        if audio.etag is not None and audio.delete_time is not None and not audio.object_key:
            return audio.delete_time
        return audio.upload_deadline + self.late_put_bound

    def lease(self, holder: str, now: datetime) -> Lease:
        """What an eraser takes now."""
        return Lease(holder, now + self.erase_time + self.clock_allowance)

    def last_delete(self, lease: Lease) -> datetime:
        """Until when deletes are signed under a lease."""
        return lease.end - self.clock_allowance

    def was_asked_for(self, tombstone: Audio) -> bool:
        """Whether a caller wanted it deleted: D1 came before any sweep's could."""
        if tombstone.etag is None:  # it was never committed
            end: datetime | None = tombstone.upload_deadline + self.pending_grace
        else:
            end = tombstone.expire_time
        return tombstone.delete_time is not None and (end is None or tombstone.delete_time < end)

    def is_due(self, audio: Audio, now: datetime) -> bool:
        """Whether the sweeper may work on the row now. D1 decides it again, conditionally."""
        due = self.due_time(audio)
        return due is not None and now >= due
