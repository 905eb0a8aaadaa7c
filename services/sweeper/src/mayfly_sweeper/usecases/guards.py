"""What stops a sweep before it deletes anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mayfly_sweeper.domain.errors import GuardTrippedError

if TYPE_CHECKING:
    from datetime import datetime, timedelta


def check_clock_skew(*, store_time: datetime, now: datetime, allowed: timedelta) -> None:
    """Refuse to delete while the store's clock and ours disagree: one of them is wrong, and expiry goes by clocks.

    Raises:
        GuardTrippedError: They are further apart than allowed.
    """
    skew = abs(store_time - now)
    if skew > allowed:
        raise GuardTrippedError(
            f"The store's clock ({store_time:%Y-%m-%dT%H:%M:%SZ}) and this machine's ({now:%Y-%m-%dT%H:%M:%SZ}) are "
            f"{skew.total_seconds():.0f} s apart; {allowed.total_seconds():.0f} s are allowed. Nothing was deleted. "
            f"Mend the clock that is wrong, or raise MAYFLY_SWEEPER_MAX_CLOCK_SKEW.",
            guard="clock_skew",
            limit=f"{allowed.total_seconds():.0f}",
            found=f"{skew.total_seconds():.0f}",
        )


def check_delete_ratio(*, due: int, stored: int, allowed: float) -> None:
    """Refuse to delete a larger share of a store than was expected.

    Args:
        due: How many items are due.
        stored: How many objects the listing saw.
        allowed: The share, 0 to 1.

    Raises:
        GuardTrippedError: More is due than allowed.
    """
    share = due / max(due, stored, 1)
    if share > allowed:
        raise GuardTrippedError(
            f"{due} items are due, {share:.0%} of the {stored} objects that are stored, and max_delete_ratio allows "
            f"{allowed:.0%}. Nothing was deleted. Look at them with a dry run; if they are right, allow as many once.",
            guard="max_delete_ratio",
            limit=f"{allowed:g}",
            found=f"{share:.3f}",
        )


def check_delete_count(*, due: int, allowed: int) -> None:
    """Refuse to delete more than was expected: a wrong clock or setting must not empty a store.

    Raises:
        GuardTrippedError: More is due than allowed.
    """
    if due > allowed:
        raise GuardTrippedError(
            f"At least {due} items are due, and max_delete_count allows {allowed}. Nothing was deleted. Look at them "
            f"with a dry run, then allow as many, or find out why so much is due.",
            guard="max_delete_count",
            limit=str(allowed),
            found=str(due),
        )
