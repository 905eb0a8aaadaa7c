"""How playing ends is counted: what system C calls its playback success rate."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

import grpc
import httpx
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from mayfly_gateway.app import create_app
from mayfly_runtime.telemetry import Telemetry

if TYPE_CHECKING:
    from mayfly_client.testing import FakeMayfly
    from mayfly_gateway.config import GatewaySettings


def counted(metrics: InMemoryMetricReader) -> Counter[str]:
    """How often playing came to each outcome."""
    found: Counter[str] = Counter()
    data = metrics.get_metrics_data()
    for metric in data.resource_metrics[0].scope_metrics[0].metrics if data else ():
        if metric.name == "mayfly.gateway.playback":
            found.update({str(point.attributes["outcome"]): point.value for point in metric.data.data_points})
    return found


async def played(http: httpx.AsyncClient, fake: FakeMayfly, link: str) -> None:
    """Each outcome another number of times."""
    await http.get(link)
    for _ in range(2):
        await http.get("/a/made-up")
    fake.refuse("SignUrls", grpc.StatusCode.FAILED_PRECONDITION, "BACKEND_MISCONFIGURED", times=3)
    for _ in range(3):
        await http.get(link)
    report = f"/api/page/audios/{link.rpartition('/')[2]}/playback"
    for outcome, times in {"played": 4, "broken": 5}.items():
        for _ in range(times):
            await http.post(report, json={"outcome": outcome})
    fake.clock.advance(timedelta(hours=24))
    for _ in range(6):
        await http.get(link)


async def test_each_try_to_play_is_counted_by_what_came_of_it(fake: FakeMayfly, settings: GatewaySettings) -> None:
    metrics = InMemoryMetricReader()
    spans = SimpleSpanProcessor(InMemorySpanExporter())
    telemetry = Telemetry.exporting(spans, metrics, service_name="mayfly-gateway")
    async with fake.async_client() as mayfly:
        app = create_app(settings, mayfly, now=fake.clock.now, telemetry=telemetry)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://gateway") as http:
            spoken = (await http.post("/api/page/speech", json={"text": "Hello."})).text.splitlines()[-1]
            await played(http, fake, httpx.Response(200, text=spoken).json()["audio"]["link"])

    assert counted(metrics) == {"linked": 1, "unknown": 2, "failed": 3, "played": 4, "broken": 5, "gone": 6}
    telemetry.shutdown()
