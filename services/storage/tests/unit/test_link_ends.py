from __future__ import annotations

from datetime import timedelta

import pytest

from mayfly_storage.collections_file import read_collections
from mayfly_storage.domain.links import LimitedBy, SignedUrl, UploadGrant, link_end
from mayfly_storage.testing import DAWN, an_audio

RECORDINGS = read_collections().get("recordings")
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

    end, limit = link_end(audio, collection=RECORDINGS, now=DAWN, ttl=ttl)

    assert (end - DAWN, limit) == (ends_in, limited_by)


def test_links_are_not_shown_by_accident() -> None:
    signed = SignedUrl(url="https://x/?sig=secret", expire_time=DAWN, limited_by=LimitedBy.POLICY)
    grant = UploadGrant(url="https://x/?sig=secret", headers={}, expire_time=DAWN, attempt="a", enforced=())

    assert "secret" not in repr(signed) + repr(grant)
