"""What a run is made of: how long, how much, and how often what goes wrong."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

START: Final = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
SWEEP_EVERY: Final = timedelta(minutes=10)
"""As deploy/k8s schedules it."""
BOUND: Final = timedelta(minutes=30)
"""The second promise: bytes are gone within this time after they are due, with one run of the sweeper missed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A run. Everything that happens by chance follows from the seed; how overlapping work interleaves does not."""

    seed: int
    hours: float = 72
    tick: timedelta = timedelta(minutes=5)
    """How often everything that is stored is looked at. Ends of audio are looked at to the second besides."""
    acts_per_hour: float = 60
    """What callers do: about half of it saves."""
    crash_share: float = 0.06
    """Of what callers do, how much is cut off by a crash."""
    trouble_share: float = 0.4
    """Of the sweeps, how many meet trouble. Never two in a row: the bound allows for one missed run."""
    outage_every: timedelta = timedelta(hours=14)
    outage_length: timedelta = timedelta(minutes=50)
    """The longest. While S3 is away, nothing in it can be deleted: its bound counts from the end of the outage."""
    early_ttl_share: float = 0.15
    """Of the rows, how many the table's TTL collects the moment they expire, days too early. The others: never."""

    @property
    def end(self) -> datetime:
        """When callers stop. Two more sweeps follow."""
        return START + timedelta(hours=self.hours)
