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


def test_a_request_id_is_a_uuid_with_hyphens_and_comes_back_in_lower_case() -> None:
    violations = Violations()

    assert violations.request_id("0B1F2C3D-0000-4000-8000-0000000000Ff") == "0b1f2c3d-0000-4000-8000-0000000000ff"
    assert not violations


@pytest.mark.parametrize(
    "text",
    [
        "42",
        "0b1f2c3d000040008000000000000000",
        "{0b1f2c3d-0000-4000-8000-000000000000}",
        "urn:uuid:0b1f2c3d-0000-4000-8000-000000000000",
        "0b1f2c3d-0000-4000-8000-000000000000\n",
        "0b1f2c3d-0000-4000-8000-00000000000\N{ARABIC-INDIC DIGIT ONE}",
    ],
)
def test_other_spellings_of_a_request_id_are_refused_with_an_example(text: str) -> None:
    violations = Violations()

    violations.request_id(text, field="config.request_id")

    (found,) = violations.found
    assert found.field == "config.request_id"
    assert "spelled like 0b1f2c3d-0000-4000-8000-000000000000" in found.description
    assert repr(text) in found.description


def test_a_request_id_that_is_missing_is_required() -> None:
    violations = Violations()

    violations.request_id("")

    assert violations.found == (Violation("request_id", "is required: a UUID; retries use the same one"),)


def test_only_the_beginning_of_a_wrong_request_id_is_repeated() -> None:
    violations = Violations()

    violations.request_id("x" * 10_000)

    assert len(violations.found[0].description) < 300
