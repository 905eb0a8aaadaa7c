from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from mayfly_sweeper.domain.items import DueItem, DueReason
from mayfly_sweeper.domain.selection import Passes, Selection, Shard, Store
from mayfly_sweeper.domain.sweep import SweepOrder

NOW = datetime(2026, 1, 10, tzinfo=UTC)
DAY = timedelta(days=1)
ITEM = DueItem(
    reason=DueReason.EXPIRED,
    name="audio/1",
    location="S3",
    object_key="processed-audio/1/x.mp3",
    due_time=NOW - 3 * DAY,
)


@pytest.mark.parametrize(
    ("selection", "taken"),
    [
        (Selection(), True),
        (Selection(store=Store.S3), True),
        (Selection(store=Store.LOCAL), False),
        (Selection(path="processed-audio/"), True),
        (Selection(path="temp-audio/"), False),
        (Selection(older_than=3 * DAY), True),
        (Selection(older_than=3 * DAY + timedelta(seconds=1)), False),
        (Selection(store=Store.S3, path="temp-audio/"), False),
    ],
)
def test_all_that_is_given_must_hold(selection: Selection, *, taken: bool) -> None:
    assert selection.takes(ITEM, NOW) is taken


def test_what_has_no_due_time_is_not_known_to_be_old() -> None:
    ageless = DueItem(reason=DueReason.ORPHAN_MULTIPART, object_key="k")
    assert Selection().takes(ageless, NOW)
    assert not Selection(older_than=DAY).takes(ageless, NOW)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"selection": Selection(shard=Shard(index=4, count=4))}, "shard"),
        ({"selection": Selection(shard=Shard(index=0, count=0))}, "shard"),
        ({"selection": Selection(older_than=-DAY)}, "older_than"),
        ({"max_delete_ratio": 1.5}, "max_delete_ratio"),
        ({"max_delete_ratio": 0.5, "passes": Passes.DUE}, "max_delete_ratio"),
        ({"max_delete_count": -1}, "max_delete_count"),
    ],
)
def test_an_order_that_cannot_be_meant_tells_which_field(changes: dict[str, object], field: str) -> None:
    order = SweepOrder(time_budget=DAY, **changes)  # type: ignore[arg-type]
    assert [name for name, _ in order.problems()] == [field]
