"""Telemetry: OpenTelemetry providers of this process, and the interceptors that feed them.

    telemetry = Telemetry.start(settings, "mayfly-storage")
    ServerBuilder(..., telemetry=telemetry)
    grpc.aio.insecure_channel(target, interceptors=telemetry.client_interceptors())

Names follow the semantic conventions for RPC (release candidate): spans and `rpc.server.call.duration` /
`rpc.client.call.duration`. No payload and no peer address is recorded. Without an exporter nothing is recorded at
all, but a caller's W3C trace context still travels through this process to the ones that it calls.

Nothing here is global: two servers of one process (as in tests) have each their own providers.
"""

from __future__ import annotations

import atexit
import sys
from importlib import metadata
from typing import TYPE_CHECKING, Final, Protocol

from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.trace import NoOpTracerProvider

from mayfly_runtime.telemetry_client import client_interceptors
from mayfly_runtime.telemetry_server import ContextInterceptor, TelemetryInterceptor

if TYPE_CHECKING:
    import grpc.aio
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import MetricReader
    from opentelemetry.sdk.trace import SpanProcessor
    from opentelemetry.trace import TracerProvider

    from mayfly_runtime.interception import Interceptor

SCOPE: Final = "mayfly_runtime"


class TelemetrySettings(Protocol):
    """What is asked of settings; `ServiceSettings` has it."""

    @property
    def telemetry_exporter(self) -> str:
        """`none`, `console` or `otlp`."""

    @property
    def otlp_endpoint(self) -> str:
        """Base URL of an OTLP/HTTP collector."""

    @property
    def trace_sample_ratio(self) -> float:
        """Share of the traces begun here that are recorded."""


class Telemetry:
    """A process's tracer, meter and RPC interceptors."""

    def __init__(self, tracers: TracerProvider, meters: MeterProvider, *, enabled: bool = True) -> None:
        """Use existing providers: for tests with in-memory exporters. Else see `start` and `disabled`."""
        self.enabled = enabled
        self.tracer_provider = tracers
        self.meter_provider = meters
        self.tracer = tracers.get_tracer(SCOPE, metadata.version("mayfly-runtime"))
        self.meter = meters.get_meter(SCOPE, metadata.version("mayfly-runtime"))

    @classmethod
    def disabled(cls) -> Telemetry:
        """Record nothing; pass trace contexts on."""
        return cls(NoOpTracerProvider(), NoOpMeterProvider(), enabled=False)

    @classmethod
    def start(cls, settings: TelemetrySettings, service_name: str) -> Telemetry:
        """Open the exporter that the settings name; what it holds is flushed when the process exits.

        Args:
            settings: Usually the service's settings.
            service_name: `service.name` of everything recorded, for example `mayfly-storage`.
        """
        if settings.telemetry_exporter == "none":
            return cls.disabled()
        # The SDK and its exporters take a while to import; a process without telemetry does not pay for them.
        from mayfly_runtime import telemetry_sdk  # noqa: PLC0415

        if settings.telemetry_exporter == "console":
            spans, metrics = telemetry_sdk.console(sys.stderr)
        else:
            spans, metrics = telemetry_sdk.otlp(settings.otlp_endpoint)
        return cls.exporting(spans, metrics, service_name=service_name, sample_ratio=settings.trace_sample_ratio)

    @classmethod
    def exporting(
        cls, spans: SpanProcessor, metrics: MetricReader, *, service_name: str, sample_ratio: float = 1.0
    ) -> Telemetry:
        """Record to a span processor and a metric reader, such as the SDK's in-memory ones."""
        from mayfly_runtime import telemetry_sdk  # noqa: PLC0415 - as above

        tracers, meters = telemetry_sdk.providers(spans, metrics, service_name=service_name, sample_ratio=sample_ratio)
        telemetry = cls(tracers, meters)
        atexit.register(telemetry.shutdown)
        return telemetry

    def server_interceptor(self) -> Interceptor:
        """The outermost interceptor of a server."""
        return TelemetryInterceptor(self.tracer, self.meter) if self.enabled else ContextInterceptor()

    def client_interceptors(self) -> list[grpc.aio.ClientInterceptor]:
        """Interceptors for a channel, one per kind of call."""
        return client_interceptors(self.tracer, self.meter, enabled=self.enabled)

    def shutdown(self) -> None:
        """Flush and close the exporters. Calling it again does nothing."""
        if not self.enabled:
            return
        self.enabled = False
        atexit.unregister(self.shutdown)
        for provider in (self.tracer_provider, self.meter_provider):
            # The API's providers have no shutdown; the SDK's have.
            close = getattr(provider, "shutdown", None)
            if close is not None:
                close()
