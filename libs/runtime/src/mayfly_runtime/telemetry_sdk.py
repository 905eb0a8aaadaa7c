"""The OpenTelemetry SDK, set up. Imported only where something is exported."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TextIO

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import (
    ConsoleMetricExporter,
    MetricExporter,
    MetricReader,
    PeriodicExportingMetricReader,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SimpleSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

# Spans, then metrics, are flushed after draining (20 s), and an orchestrator kills after 30 s: with a collector that
# does not answer, the end must still come in time.
EXPORT_TIMEOUT_SECONDS: Final = 2
METRICS_INTERVAL_MS: Final = 60_000


def providers(
    spans: SpanProcessor, metrics: MetricReader, *, service_name: str, sample_ratio: float
) -> tuple[TracerProvider, MeterProvider]:
    """Providers that record to the given processor and reader.

    `Telemetry.shutdown` closes them, so they need no exit hooks of their own.
    """
    resource = Resource.create({"service.namespace": "mayfly", "service.name": service_name})
    sampler = ParentBased(TraceIdRatioBased(sample_ratio))
    tracers = TracerProvider(sampler=sampler, resource=resource, shutdown_on_exit=False)
    tracers.add_span_processor(spans)
    return tracers, MeterProvider([metrics], resource=resource, shutdown_on_exit=False)


def console(stream: TextIO) -> tuple[SpanProcessor, MetricReader]:
    """Write spans as they end, and metrics once a minute and at the end."""
    exporter = ConsoleSpanExporter(out=stream, formatter=_one_line)
    return SimpleSpanProcessor(exporter), _periodic(ConsoleMetricExporter(out=stream))


def otlp(endpoint: str) -> tuple[SpanProcessor, MetricReader]:
    """Send spans and metrics to a collector over HTTP, in batches, from threads of their own."""
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter  # noqa: PLC0415 - slow
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - slow

    base = endpoint.rstrip("/")
    spans = OTLPSpanExporter(endpoint=f"{base}/v1/traces", timeout=EXPORT_TIMEOUT_SECONDS)
    metrics = OTLPMetricExporter(endpoint=f"{base}/v1/metrics", timeout=EXPORT_TIMEOUT_SECONDS)
    return BatchSpanProcessor(spans), _periodic(metrics)


def _periodic(exporter: MetricExporter) -> MetricReader:
    return PeriodicExportingMetricReader(exporter, export_interval_millis=METRICS_INTERVAL_MS)


def _one_line(span: ReadableSpan) -> str:
    return str(span.to_json(indent=None)) + "\n"
