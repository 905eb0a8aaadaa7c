"""Times on the wire are exact."""

from __future__ import annotations

from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from mayfly_storage.transport.times import set_time

times = st.datetimes(timezones=st.just(UTC))


@given(times)
def test_a_time_is_told_to_the_microsecond(time: datetime) -> None:
    ours, theirs = Timestamp(), Timestamp()

    set_time(ours, time)

    theirs.FromDatetime(time)
    assert ours == theirs
    assert ours.ToDatetime(tzinfo=UTC) == time
