"""What storing costs, estimated."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mayfly_storage.domain.ports import Footprint

_MONTH: Final = timedelta(days=30)
_GB: Final = 2**30
"""By which stores bill."""
_MICROS: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """In US dollars; by default nothing costs anything."""

    gb_month: float = 0.0
    thousand_puts: float = 0.0
    thousand_gets: float = 0.0

    def monthly_micros(self, stored: Footprint, lifetime: timedelta | None) -> int:
        """Millionths of a US dollar in a month, if as much is stored all the time.

        What lives for a day is written thirty times in a month, and each is read once; what is kept until it is
        deleted was written before, and costs its place alone.
        """
        written = stored.objects * (_MONTH / lifetime) if lifetime else 0.0
        dollars = stored.size_bytes / _GB * self.gb_month + written * (self.thousand_puts + self.thousand_gets) / 1_000
        return round(dollars * _MICROS)


S3_STANDARD: Final = Prices(gb_month=0.023, thousand_puts=0.005, thousand_gets=0.0004)
"""Amazon's prices in us-east-1 (first 50 TB, 2025), without transfer out, which is free within the region."""
