"""What cannot be meant is refused with what is allowed, and with what was given."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import typer

from mayfly_sweeper.cli_options import days, duration, shard
from mayfly_sweeper.domain.selection import Shard

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize(
    ("read", "text", "meant"),
    [
        (days, "0.5", timedelta(hours=12)),
        (days, "36525", timedelta(days=36_525)),
        (duration, "90", timedelta(seconds=90)),
        (duration, "5m", timedelta(minutes=5)),
        (shard, "3/4", Shard(index=3, count=4)),
    ],
)
def test_what_is_meant_is_understood(read: Callable[[str], Any], text: str, meant: object) -> None:
    assert read(text) == meant


@pytest.mark.parametrize(
    ("read", "text", "told"),
    [
        *((days, text, "from 0 to 36,525, got") for text in ("-1", "x", "nan", "inf", "800000", "1e400")),
        *((duration, text, "got '") for text in ("5x", "-3", "1e99", "99999999999999d")),
        *((duration, text, "at least 1 s, got") for text in ("0", "0.5", "999ms")),
        *((shard, text, "for example 0/4, got") for text in ("a", "1", "-1/4", "1/4/5", "")),
        (shard, "0/0", "at least one share"),
        (shard, "4/4", "0/4 to 3/4, got 4/4"),
    ],
)
def test_anything_else_is_refused_with_what_is_allowed(read: Callable[[str], Any], text: str, told: str) -> None:
    with pytest.raises(typer.BadParameter) as refused:
        read(text)

    assert told in refused.value.message
