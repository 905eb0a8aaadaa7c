from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest

from mayfly_storage.domain.audio import AudioName, State
from mayfly_storage.testing import DAWN, an_audio

ID = UUID("f47ac10b-58cc-4372-a567-0e02b2c3d479")


def test_a_name_is_made_of_the_utc_day_and_the_id() -> None:
    half_past_midnight_in_berlin = datetime(2026, 1, 16, 0, 30, tzinfo=timezone(timedelta(hours=1)))

    assert str(AudioName.new(half_past_midnight_in_berlin, ID)) == f"audio/2026-01-15/{ID}"


def test_a_name_is_read_back() -> None:
    name = AudioName.new(DAWN, ID)

    assert AudioName.parse(str(name)) == name


@pytest.mark.parametrize(
    "text",
    [
        "",
        "audio",
        f"audio/2026-01-15/{ID}/",
        f"audio/2026-01-15/{str(ID).upper()}",
        f"/audio/2026-01-15/{ID}",
        f"audio/2026-02-30/{ID}",
        f"audio/2026-1-15/{ID}",
        f"audio/٢٠٢٦-01-15/{ID}",
        "audio/2026-01-15/f47ac10b-58cc-1372-a567-0e02b2c3d479",
        f"audio/../{ID}",
        f"audio/2026-01-15/{ID}\n",
    ],
)
def test_what_is_no_name_is_told_what_a_name_looks_like(text: str) -> None:
    with pytest.raises(ValueError, match=r"audio/\{YYYY-MM-DD\}/"):
        AudioName.parse(text)


@pytest.mark.parametrize(
    ("state", "seconds_left", "readable"),
    [
        (State.READY, 1, True),
        (State.READY, 0, False),
        (State.READY, -1, False),
        (State.PENDING, 1, False),
        (State.DELETING, 1, False),
    ],
)
def test_only_ready_audio_is_readable_and_only_before_its_expiry(
    *, state: State, seconds_left: int, readable: bool
) -> None:
    audio = an_audio(state=state, expire_time=DAWN + timedelta(seconds=seconds_left))

    assert audio.is_readable(DAWN) is readable


def test_audio_without_expiry_stays_readable() -> None:
    assert an_audio(state=State.READY, expire_time=None).is_readable(datetime(2999, 1, 1, tzinfo=UTC))


def test_a_tombstone_holds_nothing_personal() -> None:
    audio = an_audio(text="hello", owner="guest:1", ip_address="203.0.113.7", etag="e1", state=State.READY)

    tombstone = audio.tombstone(DAWN)

    assert (tombstone.text, tombstone.owner, tombstone.ip_address) == ("", "", "")
    assert (tombstone.state, tombstone.delete_time, tombstone.etag) == (State.DELETING, DAWN, "e1")


def test_a_committed_row_knows_its_object() -> None:
    ready = an_audio().ready(etag="e1")

    assert (ready.state, ready.etag) == (State.READY, "e1")
