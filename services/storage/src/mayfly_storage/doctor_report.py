"""How findings are printed: a line each with its remedy below, or JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from mayfly_storage.domain.findings import Finding, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

_WORDS: Final = {
    Verdict.OK: "ok  ",
    Verdict.WARNING: "warn",
    Verdict.FAILED: "FAIL",
    Verdict.SKIPPED: "skip",
}
_WIDTH: Final = 14
"""Of the longest name of a check."""


def as_text(finding: Finding) -> str:
    """One line; with a remedy, two."""
    line = f"{_WORDS[finding.verdict]}  {finding.check:<{_WIDTH}} {finding.detail}"
    return f"{line}\n{'':<{_WIDTH + 6}} -> {finding.remedy}" if finding.remedy else line


def as_json(findings: Sequence[Finding]) -> str:
    """All of them, and whether none failed."""
    rows = [
        {"check": each.check, "verdict": each.verdict, "detail": each.detail, "remedy": each.remedy}
        for each in findings
    ]
    return json.dumps({"ok": passed(findings), "findings": rows}, indent=2)


def passed(findings: Sequence[Finding]) -> bool:
    """Whether none failed. What was skipped was skipped for one that did, or because storage runs."""
    return all(each.verdict is not Verdict.FAILED for each in findings)


def summary(findings: Sequence[Finding]) -> str:
    """One line about all of them."""
    counts = {verdict: sum(each.verdict is verdict for each in findings) for verdict in Verdict}
    return ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)
