"""What storing costs, estimated: line by line, for a month and for one object."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mayfly_storage.domain.ports import Footprint

_MONTH: Final = timedelta(days=30)
_GB: Final = 2**30
"""By which stores bill."""
_MILLION: Final = 1_000_000
_MICROS: Final = 1_000_000
_NANOS: Final = 1_000_000_000
SWEEPS: Final = 30 * 24 * 6
"""In a month: one every ten minutes."""
INDEX_WRITES: Final = 8
"""Write units of the two indexes for one audio: 2 at W1, 2 at W3 (another due time), 3 at D1, 1 at D4."""
ROW_WRITES: Final = 27
"""DynamoDB's write units for one guest's audio, from the reservation of quota to the end of its row: 19 for the items,
two for each of a transaction, and those of the indexes. A row beyond 1 KB has more."""
ROW_READS: Final = 4
"""Read units for the same: one link, and what a sweep reads to delete it and to verify that it is gone."""


class CostItem(StrEnum):
    """What is paid for."""

    STORAGE = "storage"
    WRITES = "writes"
    READS = "reads"
    TRANSFER_OUT = "transfer_out"
    CATALOG = "catalog"
    SWEEPS = "sweeps"


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """In US dollars; by default nothing costs anything."""

    gb_month: float = 0.0
    thousand_puts: float = 0.0
    thousand_gets: float = 0.0
    gb_out: float = 0.0
    million_row_writes: float = 0.0
    million_row_reads: float = 0.0
    thousand_sweeps: float = 0.0

    def monthly_micros(self, stored: Footprint, lifetime: timedelta | None) -> dict[CostItem, int]:
        """Millionths of a US dollar in a month, if as much is stored all the time; without items that cost nothing.

        What lives for a day is written thirty times in a month, and each is read once; what is kept until it is
        deleted was written before, and costs its place alone.
        """
        turnover = _MONTH / lifetime if lifetime else 0.0
        dollars = {CostItem.STORAGE: stored.size_bytes / _GB * self.gb_month} | {
            item: turnover * once for item, once in self._once(stored).items()
        }
        return _without_nothing({item: round(amount * _MICROS) for item, amount in dollars.items()})

    def object_nanos(self, stored: Footprint, lifetime: timedelta | None) -> int:
        """Billionths of a US dollar for one object of the mean size, from its upload to its end.

        Of what is kept until it is deleted, the place counts for the first month.
        """
        if not stored.objects:
            return 0
        months = lifetime / _MONTH if lifetime else 1.0
        place = stored.size_bytes / _GB * self.gb_month * months
        return round((place + sum(self._once(stored).values())) / stored.objects * _NANOS)

    def sweeping_micros(self) -> dict[CostItem, int]:
        """Millionths of a US dollar in a month for the runs of the sweeper, however much they delete."""
        return _without_nothing({CostItem.SWEEPS: round(SWEEPS * self.thousand_sweeps / 1_000 * _MICROS)})

    def _once(self, stored: Footprint) -> Mapping[CostItem, float]:
        """What is done once with all of these objects: they are written, read once, and deleted."""
        rows = (ROW_WRITES * self.million_row_writes + ROW_READS * self.million_row_reads) / _MILLION
        return {
            CostItem.WRITES: stored.objects * self.thousand_puts / 1_000,
            CostItem.READS: stored.objects * self.thousand_gets / 1_000,
            CostItem.TRANSFER_OUT: stored.size_bytes / _GB * self.gb_out,
            CostItem.CATALOG: stored.objects * rows,
        }


def _without_nothing(costs: Mapping[CostItem, int]) -> dict[CostItem, int]:
    return {item: cost for item, cost in costs.items() if cost}


AMAZON: Final = Prices(
    gb_month=0.023,
    thousand_puts=0.005,
    thousand_gets=0.0004,
    gb_out=0.09,
    million_row_writes=0.625,
    million_row_reads=0.125,
)
"""Amazon's prices in us-east-1 (2025): S3 Standard (first 50 TB), DynamoDB on demand, transfer to the Internet (first
10 TB; nothing within the region). Not in it: the place of rows, and what runs the services."""
