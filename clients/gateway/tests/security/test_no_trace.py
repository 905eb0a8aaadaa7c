"""Nothing of a guest is told: not in logs at DEBUG, spans, metrics or errors."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, cast

import grpc
import httpx
import pytest
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from mayfly_gateway.app import create_app
from mayfly_gateway.config import GatewaySettings
from mayfly_runtime.logs import JsonFormatter
from mayfly_runtime.telemetry import Telemetry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mayfly_client import AsyncClient
    from mayfly_client.testing import FakeMayfly

TEXT = "Canary in the coal mine."
ADDRESS = "203.0.113.77"
TOKEN = "token-of-the-canary-app"


class Told(logging.Handler):
    """Everything that is logged, as it would be written."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.setFormatter(JsonFormatter())
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@pytest.fixture
def told() -> Iterator[Told]:
    handler, root = Told(), logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield handler
    root.removeHandler(handler)
    root.setLevel(before)


async def visit(http: httpx.AsyncClient, fake: FakeMayfly) -> tuple[set[str], str]:
    """Use the doors, in peace and in error. Answers what must not be told, and what errors said."""
    headers = {"X-Forwarded-For": ADDRESS, "Authorization": f"Bearer {TOKEN}"}
    spoken = await http.post("/api/page/speech", json={"text": TEXT}, headers=headers)
    audio = json.loads(spoken.text.splitlines()[-1])["audio"]
    played = await http.get(audio["link"], headers=headers)
    await http.get("/api/page/history", headers=headers)
    guest = await http.post("/public/tts/sync", json={"text": TEXT}, headers=headers)
    app = await http.post("/tts/sync", json={"text": TEXT}, headers=headers)
    errors = [await http.post("/public/tts/sync", json={"text": TEXT, "voice": "nobody"}, headers=headers)]
    errors.append(await http.get(f"/nothing/{audio['token']}?text={TEXT}", headers=headers))
    errors.append(await http.post("/v1/audio/speech", json={"input": TEXT, "speed": 99}, headers=headers))
    for method in ("Synthesize", "StreamSynthesize"):
        fake.refuse(method, grpc.StatusCode.INTERNAL, "INTERNAL")
    errors.append(await http.post("/public/tts/sync", json={"text": TEXT}, headers=headers))
    errors.append(await http.post("/api/page/speech", json={"text": TEXT}, headers=headers))
    assert app.status_code == 200
    signatures = {url.partition("?")[2] for url in (played.headers["location"], guest.json()["audio_url"])}
    cookie = http.cookies["mayfly-guest"]
    return {TEXT, ADDRESS, TOKEN, audio["token"], cookie, *signatures}, "".join(answer.text for answer in errors)


async def test_nothing_of_a_guest_is_told_to_anybody(fake: FakeMayfly, told: Told) -> None:
    spans, metrics = InMemorySpanExporter(), InMemoryMetricReader()
    telemetry = Telemetry.exporting(SimpleSpanProcessor(spans), metrics, service_name="mayfly-gateway")
    settings = GatewaySettings.load(
        secret="s" * 32, trusted_proxies=1, callers=f"app={TOKEN}", log_level="DEBUG", max_requests=9
    )
    async with fake.async_client() as mayfly:
        app = create_app(settings, mayfly, now=fake.clock.now, telemetry=telemetry)
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as http:
            canaries, errors = await visit(http, fake)

    # The test's own client tells what it asks for; the gateway's doors do not.
    logged = "\n".join(line for line in told.lines if '"httpx"' not in line and '"httpcore' not in line)
    exported = "".join(span.to_json() for span in spans.get_finished_spans())
    data = metrics.get_metrics_data()
    measured = data.to_json() if data else ""
    telemetry.shutdown()
    for place, text in {"logs": logged, "spans": exported, "metrics": measured, "errors": errors}.items():
        assert [canary for canary in canaries if canary in text] == [], place
    assert '"route": "/a/{token}"' in logged
    assert "/a/{token}" in exported
    assert {"mayfly.gateway.playback", "http.server.request.duration"} <= {
        metric.name
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    }


async def test_a_fault_of_ours_tells_its_kind_and_place_and_nothing_that_it_says(fake: FakeMayfly, told: Told) -> None:
    class Broken:
        async def voices(self) -> None:
            raise RuntimeError(TEXT)

    settings = GatewaySettings.load(secret="s" * 32)
    app = create_app(settings, cast("AsyncClient", Broken()), now=fake.clock.now)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as http:
        answer = await http.get("/api/page/voices")

    logged = "\n".join(told.lines)
    assert (answer.status_code, answer.json()["error"]["reason"]) == (500, "INTERNAL")
    assert '"kind": "RuntimeError"' in logged
    assert "test_no_trace.py:" in logged
    assert TEXT not in logged + answer.text
