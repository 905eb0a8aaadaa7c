from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from mayfly_storage.domain.audio import Lease, State
from mayfly_storage.domain.retention import DueItem, DueReason
from mayfly_storage.domain.timing import Timing
from mayfly_storage.testing import DAWN, an_audio

TIMING = Timing()
UPLOAD_DEADLINE = DAWN + timedelta(minutes=2)


@pytest.mark.parametrize(
    ("facts", "due_after"),
    [
        ({"state": State.READY, "expire_time": DAWN + timedelta(hours=1)}, timedelta(hours=1)),
        ({"state": State.READY, "expire_time": None}, None),
        ({"state": State.PENDING}, timedelta(minutes=2 + 5)),
        ({"state": State.DELETING, "delete_time": DAWN + timedelta(minutes=1)}, timedelta(minutes=1)),
        ({"state": State.DELETING, "delete_time": DAWN, "bytes_gone": True}, timedelta(minutes=2 + 20)),
    ],
)
def test_a_row_is_due_when_its_state_says_so(facts: dict[str, Any], due_after: timedelta | None) -> None:
    expected = None if due_after is None else DAWN + due_after

    assert TIMING.due_time(an_audio(**facts)) == expected


@pytest.mark.parametrize(
    ("facts", "due_after"),
    [
        ({"lease": Lease("me", DAWN + timedelta(minutes=2))}, timedelta(minutes=2)),
        ({"bytes_gone": True, "upload_deadline": DAWN - timedelta(days=9)}, timedelta(minutes=1)),
    ],
)
def test_a_tombstone_is_due_when_an_eraser_can_do_more(facts: dict[str, Any], due_after: timedelta) -> None:
    tombstone = an_audio(state=State.DELETING, delete_time=DAWN + timedelta(minutes=1), **facts)

    assert TIMING.due_time(tombstone) == DAWN + due_after


def test_a_tombstone_that_gave_its_key_back_waits_for_nothing_but_a_retry_of_its_upload() -> None:
    gone = an_audio(state=State.DELETING, delete_time=DAWN, bytes_gone=True, claims_key=True, object_key="")

    assert TIMING.settled_time(replace(gone, etag="tag")) == DAWN
    assert TIMING.settled_time(gone) == UPLOAD_DEADLINE + timedelta(minutes=20)


def test_a_lease_outlives_its_deletes_by_what_clocks_may_differ() -> None:
    lease = TIMING.lease("me", DAWN)

    assert TIMING.last_delete(lease) == DAWN + timedelta(minutes=1)
    assert not lease.has_ended(DAWN + timedelta(minutes=1, seconds=59))
    assert lease.has_ended(DAWN + timedelta(minutes=2))


def test_what_is_kept_is_never_due() -> None:
    assert not TIMING.is_due(an_audio(state=State.READY, expire_time=None), DAWN + timedelta(days=10_000))


def test_a_row_is_due_from_its_time_on() -> None:
    audio = an_audio(state=State.READY, expire_time=DAWN)

    assert TIMING.is_due(audio, DAWN)
    assert not TIMING.is_due(audio, DAWN - timedelta(microseconds=1))


def test_a_tombstone_may_go_when_no_late_put_can_land_any_more() -> None:
    assert TIMING.settled_time(an_audio()) == UPLOAD_DEADLINE + timedelta(minutes=20)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"orphan_grace": timedelta(minutes=22)}, "orphan_grace .* must be longer than upload_lifetime"),
        ({"late_put_bound": timedelta(hours=1)}, "orphan_grace .* must be longer than upload_lifetime"),
        ({"erase_time": timedelta(milliseconds=999)}, "erase_time .* must be at least a second"),
        ({"tombstone_margin": timedelta(hours=47)}, "tombstone_margin .* must not be shorter than"),
    ],
)
def test_periods_that_contradict_each_other_are_refused(changes: dict[str, timedelta], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        Timing(**changes)


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (State.READY, DueReason.EXPIRED),
        (State.PENDING, DueReason.ABANDONED),
        (State.DELETING, DueReason.UNFINISHED),
    ],
)
def test_the_state_of_a_due_row_is_the_reason(state: State, reason: DueReason) -> None:
    audio = an_audio(state=state, delete_time=DAWN)

    item = DueItem.of_row(audio, TIMING)

    assert (item.name, item.reason, item.due_time) == (audio.name, reason, TIMING.due_time(audio))


HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"etag": "tag", "expire_time": DAWN + HOUR, "delete_time": DAWN}, DueReason.REQUESTED),
        ({"etag": "tag", "expire_time": None, "delete_time": DAWN}, DueReason.REQUESTED),
        ({"etag": "tag", "expire_time": DAWN, "delete_time": DAWN}, DueReason.UNFINISHED),
        ({"delete_time": DAWN}, DueReason.REQUESTED),
        ({"delete_time": DAWN + HOUR}, DueReason.UNFINISHED),
        ({"etag": "tag", "expire_time": None, "delete_time": DAWN, "bytes_gone": False}, DueReason.UNFINISHED),
    ],
)
def test_a_tombstone_tells_whether_a_caller_wanted_it(facts: dict[str, Any], reason: DueReason) -> None:
    """By when D1 came: before a sweep could have come for it, or not."""
    tombstone = an_audio(**({"state": State.DELETING, "bytes_gone": True} | facts))

    assert DueItem.of_row(tombstone, TIMING).reason is reason
