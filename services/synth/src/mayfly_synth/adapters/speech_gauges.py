"""How much speech waits, and how much of it need not be spoken: numbers for operators."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.metrics import Observation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from opentelemetry.metrics import CallbackOptions, Meter


class SpeechGauges:
    """OpenTelemetry's metrics of speaking."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._utterances = meter.create_counter(
            "mayfly.synth.utterances",
            unit="{utterance}",
            description="Sentences by how they were answered: spoken, shared, remembered",
        )

    def answered(self, outcome: str) -> None:
        """An utterance was answered."""
        self._utterances.add(1, {"outcome": outcome})

    def watch(self, name: str, read: Callable[[], int], *, unit: str, description: str) -> None:
        """Have a number read whenever metrics are.

        Args:
            name: What follows `mayfly.synth.speech.`.
            read: Tells it; called from another thread.
            unit: In UCUM's notation.
            description: A line for operators.
        """

        def observe(_options: CallbackOptions) -> Iterable[Observation]:
            yield Observation(read())

        self._meter.create_observable_gauge(
            f"mayfly.synth.speech.{name}", callbacks=[observe], unit=unit, description=description
        )
