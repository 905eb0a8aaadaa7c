from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from rich.console import Console

from mayfly_sweeper.domain.items import DueReason
from mayfly_sweeper.domain.report import Line, Report
from mayfly_sweeper.domain.sweep import Ending, SweepOrder, SweepState
from mayfly_sweeper.summary import readable_size, summary_fields, summary_json, summary_line, summary_table

REAL = SweepOrder(time_budget=timedelta(minutes=5))
DRY = SweepOrder(time_budget=timedelta(minutes=5), dry_run=True)
REPORT = Report(
    lines=(Line(reason=DueReason.EXPIRED, found=3, deleted=1, skipped=1, failed=1, size_bytes=2_500),),
    verified_gone=1,
    store_time=datetime(2025, 12, 8, 12, tzinfo=UTC),
    max_lateness=timedelta(seconds=94),
)


def test_the_line_has_the_counts_and_why_it_is_partial() -> None:
    ending = Ending(state=SweepState.PARTIAL, report=REPORT, notes=("The sweep was asked to stop.",))

    line = summary_line(ending, order=REAL, elapsed=1.23)

    assert line == (
        "PARTIAL: 3 found, 1 deleted (2.5 kB), 0 already gone, 1 skipped, 1 failed, 1 verified gone, "
        "at most 94 s late. The sweep was asked to stop. (1.2 s)"
    )


def test_the_line_of_a_sweep_that_did_not_run_says_why_and_nothing_else() -> None:
    ending = Ending(state=SweepState.FAILED, report=Report(), failure="storage does not answer")

    assert summary_line(ending, order=REAL, elapsed=1.23) == "FAILED: storage does not answer. (1.2 s)"


def test_each_note_is_a_sentence() -> None:
    notes = ("The listing of orphans was not read to its end: no answer", "The sweep was asked to stop.")
    ending = Ending(state=SweepState.FAILED, report=Report(), failure="no answer", notes=notes)

    assert summary_line(ending, order=REAL, elapsed=1) == f"FAILED: no answer. {notes[0]}. {notes[1]} (1.0 s)"


def test_the_line_of_a_dry_run_claims_no_deletion() -> None:
    line = summary_line(Ending(state=SweepState.CLEAN, report=REPORT), order=DRY, elapsed=0)

    assert "1 would be deleted" in line
    assert "verified" not in line


def test_a_log_event_has_the_counts_and_a_failure_where_there_is_one() -> None:
    clean = summary_fields(Ending(state=SweepState.CLEAN, report=REPORT))
    failed = summary_fields(Ending(state=SweepState.FAILED, report=Report(), failure="storage does not answer"))

    assert (clean["state"], clean["deleted"], clean["max_lateness_seconds"]) == ("CLEAN", 1, 94.0)
    assert "failure" not in clean
    assert failed["failure"] == "storage does not answer"


def test_the_line_shouts_about_what_is_still_there() -> None:
    ending = Ending(state=SweepState.PARTIAL, report=Report(still_there=2))

    assert "2 STILL THERE" in summary_line(ending, order=REAL, elapsed=0)


def test_the_json_has_times_in_rfc_3339_and_durations_in_seconds() -> None:
    ending = Ending(state=SweepState.GUARDED, report=REPORT, failure="too many")

    told = json.loads(
        summary_json(ending, order=REAL, start_time=datetime(2025, 12, 8, 11, tzinfo=UTC), elapsed=2.0004)
    )

    assert told["state"] == "GUARDED"
    assert told["start_time"] == "2025-12-08T11:00:00Z"
    assert told["elapsed_seconds"] == 2.0
    assert told["failure"] == "too many"
    assert told["report"]["max_lateness_seconds"] == 94.0
    assert told["report"]["lines"][0]["reason"] == "EXPIRED"


def test_the_table_has_a_row_for_each_reason() -> None:
    console = Console(width=100, record=True, file=None, force_terminal=False)
    with console.capture() as captured:
        console.print(summary_table(Ending(state=SweepState.CLEAN, report=REPORT), order=DRY))

    assert "EXPIRED" in captured.get()
    assert "would go" in captured.get()


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 B"), (999, "999 B"), (1_500, "1.5 kB"), (2_000_000, "2.0 MB"), (5 * 10**12, "5.0 TB")]
)
def test_sizes_are_readable(size: int, text: str) -> None:
    assert readable_size(size) == text
