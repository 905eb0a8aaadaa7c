"""Metrics of the fallback: whether new audio goes there, and how much went."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.metrics import Observation

if TYPE_CHECKING:
    from opentelemetry.metrics import Meter

    from mayfly_storage.domain.fallback import Fallback


def offer_fallback(meter: Meter, fallback: Fallback) -> None:
    """Let an exporter read them."""
    meter.create_observable_gauge(
        "mayfly.storage.fallback.active",
        callbacks=[lambda _: [Observation(int(fallback.is_active))]],
        unit="1",
        description="1 while new audio goes to the fallback",
    )
    meter.create_observable_counter(
        "mayfly.storage.fallback.stored",
        callbacks=[lambda _: [Observation(count, {"cause": cause}) for cause, count in tuple(fallback.stored.items())]],
        unit="{audio}",
        description="Audio that went to the fallback, by what was the matter with the primary store",
    )
