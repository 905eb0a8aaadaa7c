from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import typer

from mayfly_client._results_storage import Collection
from mayfly_client.cli import as_json, human, parsing

NOW = datetime(2025, 12, 8, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1_000, "1.0 kB"),
        (148_321, "148 kB"),
        (2_400_000, "2.4 MB"),
        (99_600, "100 kB"),
        (999_600, "1.0 MB"),
        (3 * 10**12, "3,000 GB"),
    ],
)
def test_sizes(count: int, text: str) -> None:
    assert human.size(count) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        (timedelta(milliseconds=412), "0.41 s"),
        (timedelta(seconds=3.44), "3.4 s"),
        (timedelta(seconds=125), "2:05 min"),
    ],
)
def test_lengths(value: timedelta | None, text: str) -> None:
    assert human.length(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "until deleted"),
        (timedelta(hours=24), "24 h"),
        (timedelta(days=7), "7 d"),
        (timedelta(minutes=90), "1 h 30 min"),
        (timedelta(0), "0 s"),
    ],
)
def test_spans(value: timedelta | None, text: str) -> None:
    assert human.span(value) == text


def test_ends() -> None:
    assert human.end(None, NOW) == "never: kept until deleted"
    assert human.end(NOW + timedelta(hours=24, seconds=-0.4), NOW) == "2025-12-09 11:59:59 UTC (in 24 h)"
    assert human.end(NOW + timedelta(seconds=8), NOW) == "2025-12-08 12:00:08 UTC (in 8 s)"
    assert human.end(NOW, NOW) == "2025-12-08 12:00:00 UTC (ended)"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90),
        ("1.5", 1.5),
        ("90s", 90),
        ("5m", 300),
        ("5min", 300),
        ("24h", 86_400),
        ("7d", 604_800),
        ("1h30m", 5_400),
    ],
)
def test_durations_as_people_write_them(text: str, seconds: float) -> None:
    assert parsing.duration(text) == timedelta(seconds=seconds)


def test_a_duration_that_no_number_can_hold_is_told() -> None:
    with pytest.raises(typer.BadParameter, match="longer than anybody can wait"):
        parsing.duration("5000000000d")


@pytest.mark.parametrize("text", ["", "soon", "-5", "5 m", "5x", "m"])
def test_what_is_no_duration_is_told_with_examples(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="90s, 5m, 24h"):
        parsing.duration(text)


def test_pairs() -> None:
    assert parsing.pairs(["a=1", "b=x=y", "c="], "--key") == {"a": "1", "b": "x=y", "c": ""}
    assert parsing.pairs(None, "--key") == {}


@pytest.mark.parametrize("text", ["a", "=1"])
def test_what_is_no_pair_is_told_with_its_option(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="--label NAME=VALUE"):
        parsing.pairs([text], "--label")


def test_json_names_the_unit_of_a_length_even_where_it_is_not_known() -> None:
    usual = Collection(
        id="a",
        key_templates=(),
        lifetime=None,
        url_lifetime=timedelta(hours=1),
        max_size_bytes=1,
        content_types=(),
        writers=(),
    )

    told = as_json.plain(usual)

    assert (told["lifetime_seconds"], told["url_lifetime_seconds"]) == (None, 3_600)
    assert told.keys() & {"lifetime", "url_lifetime"} == set()


def test_an_end_is_shortened_only_if_it_is_earlier_than_asked() -> None:
    day = timedelta(days=1)

    def told(asked: timedelta | None, value: datetime | None = NOW + day) -> bool:
        return "limited" in human.kept_until(value, since=NOW, asked=asked, now=NOW)

    assert [told(2 * day), told(timedelta.max)] == [True, True]
    assert [told(day), told(day + timedelta(milliseconds=900)), told(None), told(2 * day, None)] == [False] * 4


def test_json_knows_moments_lengths_and_bytes() -> None:
    value = {"at": NOW, "for": timedelta(seconds=1.5), "sum": b"\x01\xff", "each": (1, None)}

    assert as_json.plain(value) == {"at": "2025-12-08T12:00:00Z", "for": 1.5, "sum": "01ff", "each": [1, None]}
