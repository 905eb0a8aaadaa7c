"""Times in messages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from google.protobuf.timestamp_pb2 import Timestamp

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND: Final = timedelta(seconds=1)


def set_time(message: Timestamp, time: datetime) -> None:
    """Fill a timestamp in place, exactly. As `Timestamp.FromDatetime`, which takes four times as long."""
    since = time - _EPOCH
    message.seconds = since // _SECOND
    message.nanos = since.microseconds * 1_000
