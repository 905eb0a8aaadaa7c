from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from mayfly_storage.collections_file import read_collections
from mayfly_storage.domain.links import LimitedBy, LinkTerm, SignedUrl, UploadGrant, link_term, window_of
from mayfly_storage.testing import DAWN, an_audio

if TYPE_CHECKING:
    from datetime import datetime

RECORDINGS = read_collections().get("recordings")
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
WEEK = timedelta(days=7)


@pytest.mark.parametrize(
    ("expires_in", "ttl", "ends_in", "limited_by"),
    [
        (None, None, HOUR, LimitedBy.POLICY),
        (None, 2 * HOUR, 2 * HOUR, LimitedBy.REQUEST),
        (None, WEEK, WEEK, LimitedBy.REQUEST),
        (None, 2 * WEEK, WEEK, LimitedBy.POLICY),
        (None, timedelta.max, WEEK, LimitedBy.POLICY),
        (HOUR / 2, None, HOUR / 2, LimitedBy.OBJECT),
        (HOUR / 2, 2 * HOUR, HOUR / 2, LimitedBy.OBJECT),
        (HOUR, HOUR, HOUR, LimitedBy.REQUEST),
        (2 * HOUR, HOUR, HOUR, LimitedBy.REQUEST),
    ],
)
def test_a_link_ends_with_whatever_ends_first(
    expires_in: timedelta | None, ttl: timedelta | None, ends_in: timedelta, limited_by: LimitedBy
) -> None:
    audio = an_audio(expire_time=None if expires_in is None else DAWN + expires_in)

    term = link_term(RECORDINGS, now=DAWN, ttl=ttl, window=timedelta(0)).until(audio.expire_time)

    assert (term.begin, term.end - DAWN, term.limited_by) == (DAWN, ends_in, limited_by)


def term_at(now: datetime, *, ttl: timedelta | None = HOUR, window: timedelta = 5 * MINUTE) -> LinkTerm:
    return link_term(RECORDINGS, now=now, ttl=ttl, window=window)


def test_within_a_window_the_term_is_the_same() -> None:
    first = term_at(DAWN)

    assert [term_at(DAWN + n * MINUTE) for n in range(5)] == [first] * 5
    assert term_at(DAWN + 5 * MINUTE - timedelta(microseconds=1)) == first
    assert term_at(DAWN + 5 * MINUTE) == LinkTerm(
        begin=DAWN + 5 * MINUTE, end=DAWN + 5 * MINUTE + HOUR, limited_by=LimitedBy.REQUEST
    )


@pytest.mark.parametrize(
    ("life", "window"),
    [(WEEK, 5 * MINUTE), (HOUR, 5 * MINUTE), (10 * MINUTE, MINUTE), (19 * SECOND, SECOND), (9 * SECOND, 0 * SECOND)],
)
def test_a_window_is_at_most_a_tenth_of_a_links_life(life: timedelta, window: timedelta) -> None:
    assert window_of(life, longest=5 * MINUTE) == window


def test_links_are_not_shown_by_accident() -> None:
    signed = SignedUrl(url="https://x/?sig=secret", expire_time=DAWN, limited_by=LimitedBy.POLICY)
    grant = UploadGrant(url="https://x/?sig=secret", headers={}, expire_time=DAWN, attempt="a", enforced=())

    assert "secret" not in repr(signed) + repr(grant)
