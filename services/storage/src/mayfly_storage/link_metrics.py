"""Metrics of what went over links to storage's own link server: how often audio was played, or was not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.metrics import Observation

if TYPE_CHECKING:
    from collections import Counter

    from opentelemetry.metrics import Meter


def offer_traffic(meter: Meter, traffic: Counter[tuple[str, int]]) -> None:
    """Let an exporter read the answers by method and status. GET with 200 or 206 is playback; 410 came too late."""
    meter.create_observable_counter(
        "mayfly.storage.link_requests",
        callbacks=[
            lambda _: [
                Observation(count, {"http.request.method": method, "http.response.status_code": status})
                for (method, status), count in traffic.items()
            ]
        ],
        unit="{request}",
        description="Requests over signed links, by method and status",
    )
