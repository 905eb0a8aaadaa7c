"""Compares this machine's clock with the store's: at the start, and with each check of readiness."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mayfly_storage.domain.audio import Location

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from mayfly_storage.domain.stores import Stores


async def compare_clocks(stores: Stores, now: Callable[[], datetime]) -> None:
    """Look, and remember how far they are apart. Nothing to compare with while the store is left alone.

    Raises:
        ClockWrongError: They are too far apart.
        BackendUnavailableError: The store does not answer.
    """
    away = stores.fallback is not None and stores.fallback.leaves_alone is not None
    if stores.clock is None or stores.primary is not Location.S3 or away:
        return
    before = now()
    store = await stores.first.blobs.store_time()
    stores.clock.compare(before=before, store=store, after=now())
    stores.clock.require_right()
