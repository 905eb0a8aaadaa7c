from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from mayfly_synth.adapters.journal import ProcessingJournal, Pseudonyms
from mayfly_synth.domain.processing import ProcessingRecord
from mayfly_synth.domain.speech import Destination

MADE = ProcessingRecord(
    outcome="ok",
    input_size=1_000,
    output_size=200,
    processing_time=timedelta(seconds=0.5),
    audio_duration=timedelta(seconds=40),
    container="wav",
    format="mp3",
    subject="5f2c",
)
REFUSED = ProcessingRecord(
    outcome="AudioUnreadable",
    input_size=30,
    output_size=0,
    processing_time=timedelta(seconds=0.1),
    audio_duration=timedelta(),
    container="",
    format="mp3",
    subject="",
)
NOON = datetime(2025, 12, 8, 12, 0, tzinfo=UTC)


@pytest.fixture
def reader() -> InMemoryMetricReader:
    return InMemoryMetricReader()


@pytest.fixture
def journal(reader: InMemoryMetricReader) -> ProcessingJournal:
    return ProcessingJournal(MeterProvider([reader]).get_meter("test"))


def points(reader: InMemoryMetricReader) -> dict[str, list[tuple[dict[str, Any], float]]]:
    """Attributes and value (a histogram's sum) of every point, by metric."""
    data = reader.get_metrics_data()
    found = [m for r in data.resource_metrics for s in r.scope_metrics for m in s.metrics] if data else []
    return {
        each.name: [
            (dict(point.attributes or {}), point.sum if hasattr(point, "sum") else point.value)
            for point in each.data.data_points
        ]
        for each in found
    }


def test_sizes_times_and_what_no_copy_has_taken_are_measured(
    journal: ProcessingJournal, reader: InMemoryMetricReader
) -> None:
    journal.record(MADE)

    made = {"outcome": "ok", "format": "mp3"}
    told = points(reader)
    assert told["mayfly.synth.processings"] == [(made, 1)]
    assert told["mayfly.synth.processing.size"] == [
        ({**made, "direction": "in"}, 1_000),
        ({**made, "direction": "out"}, 200),
    ]
    assert told["mayfly.synth.processing.duration"] == [(made, 0.5)]
    assert told["mayfly.synth.processing.spared"] == [(made, 200)]
    assert told["mayfly.synth.processing.speed"] == [(made, 80)]


def test_what_failed_has_spared_nothing(journal: ProcessingJournal, reader: InMemoryMetricReader) -> None:
    journal.record(REFUSED)

    told = points(reader)
    assert told["mayfly.synth.processings"] == [({"outcome": "AudioUnreadable", "format": "mp3"}, 1)]
    assert "mayfly.synth.processing.spared" not in told


def test_the_line_has_the_names_that_operators_know(
    journal: ProcessingJournal, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        journal.record(MADE)

    (line,) = [record.__dict__ for record in caplog.records if record.message == "audio_processed"]
    known = ("inputSize", "outputSize", "processingTime", "userId", "audioSeconds", "outcome")
    assert [line[name] for name in known] == [1_000, 200, 0.5, "5f2c", 40, "ok"]


def test_removals_are_counted_by_how_they_went(journal: ProcessingJournal, reader: InMemoryMetricReader) -> None:
    for outcome in ("ok", "ok", "failed"):
        journal.scratch_removed(outcome)

    assert points(reader)["mayfly.synth.scratch.removals"] == [({"outcome": "ok"}, 2), ({"outcome": "failed"}, 1)]


def test_a_pseudonym_is_the_same_all_day_and_another_one_tomorrow() -> None:
    ada, guest = Destination(user_id="ada"), Destination(guest_address="192.0.2.7")
    now = NOON
    name = Pseudonyms(b"key", now=lambda: now)
    first = name(ada)

    assert name(ada) == first
    assert name(guest) not in ("", first)
    assert name(Destination(user_id="192.0.2.7")) != name(guest)
    assert name(Destination()) == ""
    assert "ada" not in first
    assert Pseudonyms(b"other", now=lambda: now)(ada) != first
    now = NOON + timedelta(days=1)
    assert name(ada) != first
