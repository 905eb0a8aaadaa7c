"""Presigned URLs by botocore, whose true end is known."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, Literal

from mayfly_storage.backends.aws.errors import RETRY_AFTER
from mayfly_storage.domain.errors import BackendUnavailableError
from mayfly_storage.domain.links import MAX_URL_LIFETIME

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mypy_boto3_s3.client import S3Client

_SECOND: Final = timedelta(seconds=1)
_TRIES: Final = 5
"""Signing takes less than a millisecond; a clock that ticks meanwhile five times in a row is broken."""


@dataclass(frozen=True, slots=True)
class PresignedUrl:
    """A URL, and when it ends."""

    url: str = field(repr=False)
    expire_time: datetime


class Presigner:
    """Signs with one client."""

    def __init__(self, client: S3Client, *, now: Callable[[], datetime]) -> None:
        """Take the client, and the clock, which must be the one that botocore signs by."""
        self._client = client
        self._now = now

    def sign(
        self,
        operation: Literal["get_object", "put_object"],
        parameters: Callable[[int], Mapping[str, object]],
        *,
        end: datetime,
    ) -> PresignedUrl | None:
        """A URL that ends within the last second before `end`, never after it; None if there is no such second left.

        Version 4 counts whole seconds (one at least) from the whole second of signing. So the end is exact if the clock
        does not tick while botocore, which reads it for itself, signs.

        Args:
            operation: What the URL does.
            parameters: Makes the operation's parameters from the URL's life in seconds.
            end: When it must have ended.
        """
        for _ in range(_TRIES):
            signed_at = self._second()
            seconds = min(end - signed_at, MAX_URL_LIFETIME) // _SECOND
            if seconds < 1:
                return None
            url = self._client.generate_presigned_url(operation, Params=parameters(seconds), ExpiresIn=seconds)
            if self._second() == signed_at:
                return PresignedUrl(url, signed_at + seconds * _SECOND)
        raise BackendUnavailableError("clock", retry_after=RETRY_AFTER)

    def _second(self) -> datetime:
        return self._now().replace(microsecond=0)
