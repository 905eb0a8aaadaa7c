"""Where objects lie: by asking for each of a few keys, by listing for many."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from mayfly_storage.backends.aws.errors import code_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_s3.type_defs import (
        HeadObjectOutputTypeDef,
        ListObjectsV2OutputTypeDef,
        ObjectTypeDef,
        ResponseMetadataTypeDef,
    )

    from mayfly_storage.backends.aws.clients import AwsCalls

_FEW: Final = 3
"""Up to here a HEAD for each key costs less than a listing, at S3's prices and in time."""
_MISSING: Final = frozenset({"404", "NoSuchKey"})
MAX_LISTED: Final = 1000
"""Of ListObjectsV2."""


@dataclass(frozen=True, slots=True)
class ObjectPage:
    """One page of a listing, and S3's clock when it answered."""

    objects: Sequence[ObjectTypeDef]
    has_more: bool
    store_time: datetime


class ObjectPlaces:
    """Reads from one bucket; all answers are consistent with what was last written."""

    def __init__(self, client: S3Client, calls: AwsCalls, *, bucket: str, page_size: int = MAX_LISTED) -> None:
        """Take the client, how it is called, the bucket, and how many objects a page may have at most."""
        self.client = client
        self.calls = calls
        self.bucket = bucket
        self._page_size = page_size

    async def head(self, key: str) -> HeadObjectOutputTypeDef | None:
        """What S3 says of the object at a key; None if there is none."""
        try:
            return await self.calls(self.client.head_object, Bucket=self.bucket, Key=key, ChecksumMode="ENABLED")
        except ClientError as error:
            if code_of(error) in _MISSING:
                return None
            raise

    async def etags(self, keys: Sequence[str]) -> dict[str, str]:
        """The ETags of those keys at which objects lie."""
        wanted = sorted(set(keys), key=str.encode)
        if len(wanted) <= _FEW:
            heads = await asyncio.gather(*map(self.head, wanted))
            return {key: head["ETag"] for key, head in zip(wanted, heads, strict=True) if head is not None}
        found: dict[str, str] = {}
        for folder, group in _by_folder(wanted):
            found |= await self._listed(folder, group)
        return found

    async def _listed(self, folder: str, wanted: Sequence[str]) -> dict[str, str]:
        """Walk the listing of a folder, and leap over what lies between the wanted keys (sorted as S3 sorts)."""
        found: dict[str, str] = {}
        missing = set(wanted)
        after = ""
        while left := [key for key in wanted if key.encode() > after.encode()]:
            page = await self.page(
                folder, limit=self._page_size, after=max(after, _just_before(left[0]), key=str.encode)
            )
            found |= {each["Key"]: each["ETag"] for each in page.objects if each["Key"] in missing}
            if not page.has_more:
                break
            after = page.objects[-1]["Key"]
        return found

    async def page(self, prefix: str, *, limit: int, after: str = "") -> ObjectPage:
        """The objects under a prefix that come after a key, in the order of the keys' bytes."""
        answer = await self.calls(
            self.client.list_objects_v2,
            Bucket=self.bucket,
            Prefix=prefix,
            StartAfter=after,
            MaxKeys=min(limit, self._page_size),
        )
        return _page(answer)


def store_time(metadata: ResponseMetadataTypeDef) -> datetime:
    """S3's own clock, from the Date header that every answer has; whole seconds, never in the future."""
    return parsedate_to_datetime(metadata["HTTPHeaders"]["date"]).astimezone(UTC)


def _page(answer: ListObjectsV2OutputTypeDef) -> ObjectPage:
    return ObjectPage(answer.get("Contents", []), answer["IsTruncated"], store_time(answer["ResponseMetadata"]))


def _by_folder(keys: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """Sorted keys by their first folder. Every collection has one, and rights to list may be given by folder."""
    groups: dict[str, list[str]] = {}
    for key in keys:
        folder, slash, _ = key.partition("/")
        groups.setdefault(folder + slash, []).append(key)
    yield from groups.items()


def _just_before(key: str) -> str:
    """A text that sorts before the key, with next to nothing in between: StartAfter leaves out what it names."""
    last = key[-1]
    return f"{key[:-1]}{chr(ord(last) - 1)}~" if "!" < last <= "~" else key[:-1]
