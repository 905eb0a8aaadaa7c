"""Presigned URLs to one bucket, whose true end is known."""

from __future__ import annotations

from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Final, NamedTuple

from mayfly_storage.backends.aws.sigv4 import BucketEndpoint, SigV4Presigner
from mayfly_storage.domain.links import MAX_URL_LIFETIME

if TYPE_CHECKING:
    from datetime import datetime

    from mypy_boto3_s3.client import S3Client

_SECOND: Final = timedelta(seconds=1)
_PROBE: Final = "probe"


class Term(NamedTuple):
    """From when to when a URL is valid, in whole seconds as version 4 counts."""

    begin: datetime
    seconds: int
    end: datetime

    @classmethod
    def within(cls, *, begin: datetime, now: datetime, end: datetime) -> Term | None:
        """The longest term up to `end`, and none that a seven-day limit forbids; None if less than a second is left."""
        begin = min(begin, now).replace(microsecond=0)
        seconds = min(end - begin, MAX_URL_LIFETIME) // _SECOND
        end = begin + seconds * _SECOND
        # Whole seconds: the end is past the second that runs, or in it.
        return cls(begin, seconds, end) if end > now.replace(microsecond=0) else None


def earlier(end: datetime, limit: datetime | None) -> tuple[datetime, bool]:
    """The end of a link, and whether the limit cut it."""
    return (limit, True) if limit is not None and limit < end else (end, False)


class BucketPresigner:
    """The signer of one bucket."""

    def __init__(self, client: S3Client, *, bucket: str, region: str) -> None:
        """Take the client whose rules say how the bucket is addressed."""
        self._client = client
        self.bucket = bucket
        self._region = region

    @property
    def is_ready(self) -> bool:
        """Whether the signer is made."""
        return "signer" in vars(self)

    @cached_property
    def signer(self) -> SigV4Presigner:
        """Made at the first use: botocore is asked once where objects of the bucket are, and signs to tell it."""
        url = self._client.generate_presigned_url("get_object", Params={"Bucket": self.bucket, "Key": _PROBE})
        return SigV4Presigner(BucketEndpoint.of(url, key=_PROBE), region=self._region)
