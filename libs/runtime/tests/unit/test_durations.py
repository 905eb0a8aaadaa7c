from __future__ import annotations

from datetime import timedelta

import pytest
from pydantic import TypeAdapter, ValidationError

from mayfly_runtime.durations import Duration, format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("500ms", timedelta(milliseconds=500)),
        ("20s", timedelta(seconds=20)),
        ("1.5s", timedelta(seconds=1.5)),
        ("15m", timedelta(minutes=15)),
        ("24h", timedelta(hours=24)),
        ("7d", timedelta(days=7)),
        ("1h30m", timedelta(hours=1, minutes=30)),
        (" 1h 30m ", timedelta(hours=1, minutes=30)),
        ("20S", timedelta(seconds=20)),
    ],
)
def test_durations_are_read_with_their_units(text: str, expected: timedelta) -> None:
    assert parse_duration(text) == expected


@pytest.mark.parametrize("text", ["", "20", "s", "20 parsecs", "-5s", "1h30", "5s!"])
def test_anything_else_is_refused_with_examples(text: str) -> None:
    with pytest.raises(ValueError, match="such as 500ms, 20s, 15m, 24h or 7d"):
        parse_duration(text)


def test_what_is_longer_than_a_duration_can_be_is_refused() -> None:
    with pytest.raises(ValueError, match="at most 999999999d"):
        parse_duration("99999999999999d")


@pytest.mark.parametrize("text", ["0s", "500ms", "20s", "15m", "24h", "36h", "7d", "90s", "1500ms"])
def test_durations_are_written_as_they_are_read(text: str) -> None:
    assert format_duration(parse_duration(text)) == text


def test_a_setting_takes_iso_8601_and_timedelta_too() -> None:
    adapter = TypeAdapter(Duration)

    assert adapter.validate_python("PT20S") == timedelta(seconds=20)
    assert adapter.validate_python(timedelta(hours=1)) == timedelta(hours=1)
    assert adapter.dump_json(timedelta(hours=1)) == b'"1h"'
    with pytest.raises(ValidationError, match="such as 500ms"):
        adapter.validate_python("soon")
