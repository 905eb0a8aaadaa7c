from __future__ import annotations

import hashlib
import json
import stat
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from mayfly_sweeper.adapters.plan_file import Plan, PlanError, PlanWriter
from mayfly_sweeper.domain.items import DueItem, DueReason, Outcome, PurgeResult, Scope

if TYPE_CHECKING:
    from pathlib import Path

MADE = datetime(2026, 1, 10, tzinfo=UTC)
GOES = PurgeResult(outcome=Outcome.DELETED)
STAYS = PurgeResult(outcome=Outcome.SKIPPED)


def item(number: int) -> DueItem:
    key = f"temp-audio/{number}\u00e4 \n.wav"
    return DueItem(reason=DueReason.EXPIRED, name=f"audio/{number}", object_key=key, etag='"e"', due_time=MADE)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "plan.jsonl"


def written(path: Path, items: int) -> None:
    with PlanWriter(path, made=MADE) as writer:
        for number in range(items):
            writer.add(item(number), GOES)
        assert writer.finish() == items


async def read(plan: Plan, page_size: int) -> list[DueItem]:
    found: list[DueItem] = []
    token, more = "", True
    while more:
        page = await plan.page(Scope(page_size=page_size), token)
        assert len(page.items) <= page_size
        found += page.items
        token, more = page.next_page_token, bool(page.next_page_token)
    return found


@pytest.mark.parametrize(("items", "page_size"), [(0, 3), (1, 3), (3, 3), (7, 3), (7, 1000)])
async def test_a_plan_is_read_as_it_was_written(path: Path, items: int, page_size: int) -> None:
    written(path, items)
    plan = Plan.open(path)
    assert (plan.made, plan.items) == (MADE, items)
    assert await read(plan, page_size) == [item(number) for number in range(items)]


async def test_what_would_stay_is_no_part_of_it(path: Path) -> None:
    with PlanWriter(path, made=MADE) as writer:
        writer.add(item(1), STAYS)
        writer.add(item(2), GOES)
        writer.finish()
    assert await read(Plan.open(path), 10) == [item(2)]


def test_a_plan_that_was_not_finished_leaves_nothing(path: Path, tmp_path: Path) -> None:
    written(path, 1)
    before = path.read_bytes()
    with PlanWriter(path, made=MADE) as writer:
        writer.add(item(2), GOES)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_only_its_owner_reads_it(path: Path) -> None:
    written(path, 1)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_plan_that_was_cut_off_or_changed_is_none(path: Path) -> None:
    written(path, 3)
    whole = path.read_bytes()
    lines = whole.splitlines(keepends=True)
    broken = [b"", b"{}\n", lines[0], whole[:-1], b"".join(lines[:-1]), b"".join([*lines[:2], *lines[3:]]), whole * 2]
    broken += [whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :] for at in range(0, len(whole) - 1, 7)]
    for content in broken:
        path.write_bytes(content)
        with pytest.raises(PlanError, match="is none"):
            Plan.open(path)


@pytest.mark.parametrize(
    "wrong",
    [{"reason": "BECAUSE"}, {"location": "MOON"}, {"due_time": "soon"}, {"more": 1}, {"reason": None}, {"location": 3}],
)
def test_a_plan_that_somebody_made_up_is_refused_before_anything_is_deleted(
    path: Path, wrong: dict[str, object]
) -> None:
    lines = [
        {"mayfly_plan": 1, "made": MADE.isoformat()},
        {"reason": "EXPIRED", "location": "LOCAL", "name": "audio/1", **wrong},
    ]
    body = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    end = {"items": 1, "sha256": hashlib.sha256(body).hexdigest()}
    path.write_bytes(body + json.dumps(end).encode() + b"\n")

    with pytest.raises(PlanError, match="is none"):
        Plan.open(path)


def test_what_a_crash_has_left_is_in_nobodys_way(path: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("precious")
    path.with_name("plan.jsonl.part").symlink_to(tmp_path / "elsewhere")

    written(path, 1)

    assert Plan.open(path).items == 1
    assert (tmp_path / "elsewhere").read_text() == "precious"


def test_a_plan_that_is_not_there_is_told(path: Path) -> None:
    with pytest.raises(PlanError, match=r"plan\.jsonl cannot be read: No such file"):
        Plan.open(path)


def test_a_plan_in_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="cannot be written"):
        PlanWriter(tmp_path / "nowhere" / "plan", made=MADE)
