"""What was processed, for operators: one line in the log, and a few numbers. Nothing says whose audio it was."""

from __future__ import annotations

import hashlib
import hmac
import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from opentelemetry.metrics import Meter

    from mayfly_synth.domain.processing import ProcessingRecord
    from mayfly_synth.domain.speech import Destination

_log = logging.getLogger("mayfly.synth.process")


class ProcessingJournal:
    """A `Journal` of the log and of OpenTelemetry's metrics."""

    def __init__(self, meter: Meter) -> None:
        self._count = meter.create_counter(
            "mayfly.synth.processings", unit="{audio}", description="Audio that was processed, by outcome"
        )
        self._sizes = meter.create_histogram(
            "mayfly.synth.processing.size", unit="By", description="Size of inputs and outputs"
        )
        self._times = meter.create_histogram(
            "mayfly.synth.processing.duration", unit="s", description="Time that a processing took"
        )
        self._speeds = meter.create_histogram(
            "mayfly.synth.processing.speed", unit="1", description="Seconds of a result for each second of work"
        )
        self._spared = meter.create_counter(
            "mayfly.synth.processing.spared",
            unit="By",
            description="What one more copy of each result would have taken; each lies at its final key alone",
        )
        self._removals = meter.create_counter(
            "mayfly.synth.scratch.removals", unit="{file}", description="Temporary files removed, by outcome"
        )

    def record(self, record: ProcessingRecord) -> None:
        """One processing has ended; see `Journal`."""
        attributes = {"outcome": record.outcome, "format": record.format}
        seconds = record.processing_time.total_seconds()
        self._count.add(1, attributes)
        self._sizes.record(record.input_size, {**attributes, "direction": "in"})
        self._sizes.record(record.output_size, {**attributes, "direction": "out"})
        self._times.record(seconds, attributes)
        if record.outcome == "ok":
            self._spared.add(record.output_size, attributes)
            self._speeds.record(record.audio_duration.total_seconds() / max(seconds, 0.001), attributes)
        _log.info(
            "audio_processed",
            extra={
                "outcome": record.outcome,
                "inputSize": record.input_size,
                "outputSize": record.output_size,
                "processingTime": round(seconds, 3),
                "userId": record.subject,
                "audioSeconds": round(record.audio_duration.total_seconds(), 3),
                "container": record.container,
                "format": record.format,
            },
        )

    def scratch_removed(self, outcome: str) -> None:
        """A temporary file was removed, or not."""
        self._removals.add(1, {"outcome": outcome})


class Pseudonyms:
    """Names for subjects that tell nobody who they are, and are others tomorrow."""

    def __init__(self, key: bytes, *, now: Callable[[], datetime]) -> None:
        """Take the secret.

        Args:
            key: With the same one, replicas use the same names.
            now: A clock, in UTC.
        """
        self._key = key
        self._now = now

    def __call__(self, destination: Destination) -> str:
        """The pseudonym of a destination's subject; empty if there is none."""
        subject = destination.user_id or destination.guest_address
        if not subject:
            return ""
        told = f"{self._now():%Y-%m-%d}/{'user' if destination.user_id else 'guest'}/{subject}"
        return hmac.new(self._key, told.encode(), hashlib.sha256).hexdigest()[:16]
