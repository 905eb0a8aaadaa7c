"""A short run of `make prove`; and that the auditor would see it, if a promise were broken."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.prove.__main__ import main
from tests.prove.days import Outcome, live_through
from tests.prove.page import Report
from tests.prove.sabotage import SABOTAGES
from tests.prove.scenario import BOUND, Scenario
from tests.prove.site import SITES

if TYPE_CHECKING:
    from pathlib import Path


async def run(backend: str, folder: Path, *, hours: float, sabotage: str = "", **scenario: Any) -> Outcome:
    opened = SITES[backend]
    if sabotage:
        opened = SABOTAGES[sabotage][1](opened)
    return await live_through(backend, opened, Scenario(seed=2026, hours=hours, **scenario), folder)


async def test_hours_of_trouble_on_files_break_no_promise(tmp_path: Path) -> None:
    outcome = await run("embedded", tmp_path, hours=8)

    assert outcome.ledger.violations == []
    assert outcome.chain_problems == ()
    assert outcome.certificates >= outcome.sweeps["CLEAN"] > 0
    assert max(outcome.ledger.lateness) <= BOUND


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_hours_of_trouble_and_an_outage_on_s3_and_dynamodb_break_no_promise(tmp_path: Path) -> None:
    often: dict[str, Any] = {"outage_every": timedelta(minutes=30), "outage_length": timedelta(minutes=20)}
    outcome = await run("aws", tmp_path, hours=1.5, tick=timedelta(minutes=10), **often)

    assert outcome.ledger.violations == []
    assert outcome.chain_problems == ()
    assert outcome.ledger.tried["outages of S3"] >= 1


@pytest.mark.parametrize("sabotage", SABOTAGES)
async def test_a_storage_that_breaks_a_promise_is_found_out(tmp_path: Path, sabotage: str) -> None:
    outcome = await run("embedded", tmp_path, hours=5, sabotage=sabotage, crash_share=0, trouble_share=0)

    assert not outcome.is_kept
    assert SABOTAGES[sabotage][0] in {each.promise for each in outcome.ledger.violations}


async def test_the_page_says_what_was_tried_and_stands_alone(tmp_path: Path) -> None:
    outcome = await run("embedded", tmp_path, hours=2)
    report = Report(outcomes=[outcome], made_at=datetime.now(UTC), versions={"mayfly-storage": "1"})

    page, figures = report.html(), json.loads(report.json())

    assert "Both promises were kept." in page
    assert page.count("<svg") == 2
    assert not re.search(r"(src|href)=", page)
    assert figures["kept"] is True
    assert figures["runs"][0]["seed"] == 2026
    assert figures["runs"][0]["tried"]["sweeps"] >= 12


def test_a_broken_promise_is_an_exit_code_and_stands_in_the_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "proof.html"
    asked = ["--hours", "4", "--backend", "embedded", "--seed", "3", "--report", str(page)]

    code = main([*asked, "--sabotage", "forgets-deletions", "--pictures", str(tmp_path)])

    assert code == 1
    assert "A promise was BROKEN." in page.read_text()
    assert "left: " in capsys.readouterr().out
    assert {path.name for path in tmp_path.glob("*.svg")} == {
        "proof-embedded-timeline.svg",
        "proof-embedded-lateness.svg",
    }
