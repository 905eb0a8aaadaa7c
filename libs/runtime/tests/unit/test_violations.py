from __future__ import annotations

import pytest

from mayfly_runtime.violations import InvalidRequestError, Violation, Violations


def test_all_violations_are_raised_together() -> None:
    violations = Violations()
    text, voice = "", "amy"
    violations.require(text != "", "text", "is empty")
    violations.require(voice == "amy", "voice", "is unknown")
    violations.add("format", "is unknown: mp4")

    with pytest.raises(InvalidRequestError) as raised:
        violations.raise_if_any()

    assert raised.value.violations == (Violation("text", "is empty"), Violation("format", "is unknown: mp4"))
    assert str(raised.value) == "text: is empty; format: is unknown: mp4"


def test_require_answers_whether_it_held_so_that_later_rules_can_be_skipped() -> None:
    violations = Violations()

    text = ""
    assert not violations.require(text != "", "text", "is empty")
    assert violations.require(len(text) < 10, "text", "is too long")
    assert violations.found == (Violation("text", "is empty"),)


def test_nothing_is_raised_without_violations() -> None:
    violations = Violations()

    violations.raise_if_any()

    assert not violations


def test_an_error_without_violations_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="at least one violation"):
        InvalidRequestError()
