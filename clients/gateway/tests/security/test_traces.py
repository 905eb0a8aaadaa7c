"""One trace from the guest's request to the services."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from mayfly_gateway.app import create_app, open_client
from mayfly_gateway.config import GatewaySettings
from mayfly_runtime.telemetry import Telemetry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mayfly_client.testing import FakeMayfly

THEIRS = "00-11111111111111111111111111111111-2222222222222222-01"


@pytest.fixture
def spans() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def telemetry(spans: InMemorySpanExporter) -> Iterator[Telemetry]:
    made = Telemetry.exporting(SimpleSpanProcessor(spans), InMemoryMetricReader(), service_name="mayfly-gateway")
    yield made
    made.shutdown()


async def traced(fake: FakeMayfly, telemetry: Telemetry, path: str, body: object, **settings: int) -> None:
    targets = {f"{name}_target": getattr(fake, name) for name in ("storage", "synth", "sweeper")}
    chosen = GatewaySettings.load(secret="s" * 32, **targets, **settings)
    async with open_client(chosen, telemetry) as mayfly:
        app = create_app(chosen, mayfly, now=fake.clock.now, telemetry=telemetry)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://gateway") as http:
            answer = await http.post(path, json=body, headers={"traceparent": THEIRS})
            assert answer.status_code == 200


@pytest.mark.parametrize(
    ("path", "body", "method"),
    [
        ("/public/tts/sync", {"text": "Hello."}, "Synthesize"),
        ("/api/page/speech", {"text": "Hello."}, "StreamSynthesize"),
    ],
)
async def test_a_service_is_called_within_the_requests_trace(
    fake: FakeMayfly, spans: InMemorySpanExporter, telemetry: Telemetry, path: str, body: object, method: str
) -> None:
    await traced(fake, telemetry, path, body)

    [door] = [span for span in spans.get_finished_spans() if span.name == f"POST {path}"]
    [call] = [call for call in fake.calls if call.method == method]
    assert door.context is not None
    assert call.metadata["traceparent"].split("-")[1] == f"{door.context.trace_id:032x}"


@pytest.mark.parametrize(("trusted_proxies", "is_theirs"), [(0, False), (1, True)])
async def test_only_a_trusted_proxy_says_of_which_trace_a_request_is(
    fake: FakeMayfly, spans: InMemorySpanExporter, telemetry: Telemetry, *, trusted_proxies: int, is_theirs: bool
) -> None:
    await traced(fake, telemetry, "/public/tts/sync", {"text": "Hello."}, trusted_proxies=trusted_proxies)

    [door] = [span for span in spans.get_finished_spans() if span.name.startswith("POST ")]
    assert door.context is not None
    assert (f"{door.context.trace_id:032x}" == THEIRS.split("-")[1]) is is_theirs
