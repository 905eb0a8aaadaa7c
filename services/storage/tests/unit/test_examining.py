"""An examination answers every question, whatever happens to it."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from mayfly_storage import doctor_report
from mayfly_storage.domain.errors import BackendMisconfiguredError, BackendUnavailableError
from mayfly_storage.domain.findings import Finding, Verdict
from mayfly_storage.usecases.examining import Check, examine

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import pytest


def asking(name: str, answer: Finding | Exception, *, needs: tuple[str, ...] = ()) -> Check[str]:
    async def ask(_: str) -> Finding:
        if isinstance(answer, Exception):
            raise answer
        return answer

    return Check(name=name, ask=ask, needs=needs)


async def examined(*checks: Check[str], within: float = 60) -> list[Finding]:
    return [finding async for finding in examine("patient", checks, within=within)]


async def test_what_fails_is_told_once_and_what_needs_it_is_not_asked() -> None:
    findings = await examined(
        asking("first", Finding.ok("fine")),
        asking("second", Finding.failed("broken", "mend it"), needs=("first",)),
        asking("third", Finding.ok("fine"), needs=("first", "second")),
        asking("fourth", Finding.ok("fine"), needs=("third",)),
    )

    assert [(each.check, each.verdict) for each in findings] == [
        ("first", Verdict.OK),
        ("second", Verdict.FAILED),
        ("third", Verdict.SKIPPED),
        ("fourth", Verdict.SKIPPED),
    ]
    assert findings[2].detail == "needs second"


async def test_a_warning_keeps_nothing_from_being_asked() -> None:
    findings = await examined(
        asking("first", Finding.warning("slow", "hurry")), asking("second", Finding.ok("fine"), needs=("first",))
    )

    assert [each.verdict for each in findings] == [Verdict.WARNING, Verdict.OK]


async def test_errors_of_the_store_become_findings_with_a_remedy(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        findings = await examined(
            asking("rights", BackendMisconfiguredError("S3", "AccessDenied")),
            asking("away", BackendUnavailableError("S3")),
            asking("bug", RuntimeError("https://example.invalid/?X-Amz-Signature=made-up")),
        )

    assert {each.verdict for each in findings} == {Verdict.FAILED}
    assert all(each.remedy for each in findings)
    assert findings[0].detail == "S3 refuses: AccessDenied"
    assert findings[2].detail == "the check itself failed: RuntimeError"
    assert "doctor.check_failed" in caplog.messages


async def test_a_question_without_an_answer_has_an_end() -> None:
    async def never(_: str) -> Finding:
        await asyncio.Event().wait()
        raise AssertionError("it was set")

    hanging: Callable[[str], Awaitable[Finding]] = never
    [finding] = await examined(Check(name="hangs", ask=hanging), within=0.01)

    assert (finding.verdict, "no answer" in finding.detail) == (Verdict.FAILED, True)


def test_a_finding_is_a_line_with_its_remedy_below() -> None:
    finding = Finding(verdict=Verdict.FAILED, detail="off", remedy="Switch it on.", check="ttl")

    assert doctor_report.as_text(finding).splitlines() == [
        "FAIL  ttl            off",
        "                     -> Switch it on.",
    ]
    assert doctor_report.summary([finding, Finding.ok("fine")]) == "1 ok, 1 failed"
