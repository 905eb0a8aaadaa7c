from __future__ import annotations

import http.server
import threading
from typing import TYPE_CHECKING, ClassVar

import pytest

from mayfly_runtime.settings import ServiceSettings
from mayfly_runtime.telemetry import Telemetry

if TYPE_CHECKING:
    from collections.abc import Iterator


class Collector(http.server.ThreadingHTTPServer):
    """Takes what an exporter posts."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Collecting)
        self.posts: list[tuple[str, bytes]] = []


class Collecting(http.server.BaseHTTPRequestHandler):
    server: Collector
    protocol_version: ClassVar[str] = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.posts.append((self.path, body))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Be quiet."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def measure(telemetry: Telemetry) -> None:
    with telemetry.tracer.start_as_current_span("work"):
        telemetry.meter.create_counter("pieces").add(1)


def test_without_an_exporter_nothing_is_recorded() -> None:
    telemetry = Telemetry.start(ServiceSettings(), "mayfly-test")

    measure(telemetry)

    assert not telemetry.enabled
    telemetry.shutdown()


def test_the_console_exporter_writes_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry = Telemetry.start(ServiceSettings(telemetry_exporter="console"), "mayfly-test")

    measure(telemetry)
    telemetry.shutdown()

    said = capsys.readouterr()
    assert '"name": "work"' in said.err
    assert '"pieces"' in said.err
    assert '"service.name": "mayfly-test"' in said.err
    assert said.out == ""


def test_a_collector_gets_spans_and_metrics_at_shutdown(collector: Collector) -> None:
    endpoint = f"http://127.0.0.1:{collector.server_address[1]}/"
    settings = ServiceSettings(telemetry_exporter="otlp", otlp_endpoint=endpoint)
    telemetry = Telemetry.start(settings, "mayfly-test")

    measure(telemetry)
    telemetry.shutdown()

    bodies = dict(collector.posts)
    assert b"work" in bodies["/v1/traces"]
    assert b"pieces" in bodies["/v1/metrics"]
    assert all(b"mayfly-test" in body for body in bodies.values())


def test_shutting_down_twice_is_fine(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry = Telemetry.start(ServiceSettings(telemetry_exporter="console"), "mayfly-test")

    telemetry.shutdown()
    telemetry.shutdown()

    assert not telemetry.enabled


def test_a_sample_ratio_of_nothing_records_no_spans(capsys: pytest.CaptureFixture[str]) -> None:
    settings = ServiceSettings(telemetry_exporter="console", trace_sample_ratio=0)
    telemetry = Telemetry.start(settings, "mayfly-test")

    measure(telemetry)
    telemetry.shutdown()

    assert '"name": "work"' not in capsys.readouterr().err
