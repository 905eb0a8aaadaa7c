"""The bytes in S3: the BlobStore of this backend."""

from __future__ import annotations

import asyncio
import hashlib
from contextlib import closing
from datetime import UTC
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from mayfly_storage.backends.aws.cursors import CursorFormat
from mayfly_storage.backends.aws.errors import RETRY_AFTER, code_of
from mayfly_storage.backends.aws.places import store_time
from mayfly_storage.backends.aws.uploads import attempt_of, put_parameters, sha256_of
from mayfly_storage.domain.audio import Location
from mayfly_storage.domain.digests import with_digest
from mayfly_storage.domain.errors import (
    BackendMisconfiguredError,
    BackendUnavailableError,
    ContentMismatchError,
    PageTokenInvalidError,
)
from mayfly_storage.domain.ports import BlobPage, StoredBlob

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from mypy_boto3_s3.type_defs import (
        GetObjectRequestTypeDef,
        HeadBucketOutputTypeDef,
        HeadObjectOutputTypeDef,
        ObjectTypeDef,
        PutObjectOutputTypeDef,
    )

    from mayfly_storage.backends.aws.deletion import ObjectDeletion
    from mayfly_storage.backends.aws.leased_deletion import LeasedDeletion
    from mayfly_storage.backends.aws.options import AwsOptions
    from mayfly_storage.backends.aws.patience import Patience
    from mayfly_storage.backends.aws.places import ObjectPlaces
    from mayfly_storage.domain.ports import BlobFacts, BlobTarget, DeleteOutcome

_TAKEN: Final = frozenset({"412", "PreconditionFailed"})
_MISSING: Final = frozenset({"404", "NoSuchKey"})
_NOTHING_BEHIND: Final = frozenset({"416", "InvalidRange"})
_CONTENDED: Final = frozenset({"409", "ConditionalRequestConflict"})
_DAMAGED: Final = frozenset({"BadDigest", "XAmzContentChecksumMismatch", "XAmzContentSHA256Mismatch"})


class S3Blobs:
    """Objects in one bucket; every promise is the port's."""

    def __init__(
        self,
        options: AwsOptions,
        *,
        places: ObjectPlaces,
        deletion: ObjectDeletion,
        leased: LeasedDeletion,
        patience: Patience,
        location: Location = Location.S3,
    ) -> None:
        """Take the bucket's parts, how long contention at a key is borne with, and which store this is."""
        self._location = location
        self._options = options
        self._places = places
        self._deletion = deletion
        self._leased = leased
        self._patience = patience

    @property
    def location(self) -> Location:
        """Which store this is."""
        return self._location

    @property
    def writes_once(self) -> bool:
        """Whether the store honours If-None-Match, which every grant names then."""
        return self._options.features.conditional_puts

    async def put_file(self, key: str, path: Path, facts: BlobFacts) -> StoredBlob:
        """W2, streamed from the file."""
        if not self._options.features.conditional_puts and (there := await self.head(key)) is not None:
            return await self._mine(facts, there)
        for pause in self._patience.pauses():
            try:
                done = await self._places.calls(self._put, key, path, facts)
            except ClientError as error:
                if (there := await self._own(key, facts, error)) is not None:
                    return there
            else:
                return _put_blob(key, facts, done)
            await asyncio.sleep(pause)
        raise BackendUnavailableError(self._places.calls.service, retry_after=RETRY_AFTER)

    def _put(self, key: str, path: Path, facts: BlobFacts) -> PutObjectOutputTypeDef:
        size = path.stat().st_size
        if size != facts.size_bytes:
            raise ContentMismatchError("size_bytes", expected=facts.size_bytes, actual=size)
        if not self._options.features.checksums:  # then nobody else compares it
            _require_sha256(path, facts.sha256)
        parameters = put_parameters(self._options, key, facts)
        with path.open("rb") as body:
            parameters["Body"] = body
            return self._places.client.put_object(**parameters)

    async def _own(self, key: str, facts: BlobFacts, error: ClientError) -> StoredBlob | None:
        """What a refused PUT finds at the key, if it is its own (the answer to the first try was lost)."""
        if code_of(error) in _DAMAGED:
            raise ContentMismatchError("sha256", expected=facts.sha256.hex(), actual="another") from error
        if code_of(error) not in _TAKEN | _CONTENDED:
            raise error
        there = await self.head(key)
        if there is None:  # deleted, or not yet written by the one in the way
            return None
        return await self._mine(facts, there)

    async def _mine(self, facts: BlobFacts, there: StoredBlob) -> StoredBlob:
        """What is at the key. Raises ContentMismatchError if others put it there."""
        mine = await with_digest(self, there) if there.attempt == facts.attempt else None
        if mine is None or mine.sha256 != facts.sha256:
            raise ContentMismatchError("attempt", expected=facts.attempt, actual=there.attempt)
        return mine

    async def head(self, key: str) -> StoredBlob | None:
        """What lies at the key."""
        found = await self._places.head(key)
        return self._head_blob(key, found) if found is not None else None

    def _head_blob(self, key: str, head: HeadObjectOutputTypeDef) -> StoredBlob:
        return StoredBlob(
            key=key,
            size_bytes=head["ContentLength"],
            etag=head["ETag"],
            modified_time=head["LastModified"].astimezone(UTC),
            sha256=sha256_of(head, self._options.features),
            attempt=attempt_of(head),
        )

    async def read(self, key: str, *, etag: str | None = None, offset: int, length: int) -> bytes | None:
        """A piece of what lies at the key, by a request of its own: no connection is held for a reader who is slow."""
        try:
            return await self._places.calls(self._read, key, etag, f"bytes={offset}-{offset + length - 1}")
        except ClientError as error:
            if code_of(error) in _NOTHING_BEHIND:
                return b""
            if code_of(error) in _MISSING | _TAKEN:
                return None
            raise

    def _read(self, key: str, etag: str | None, part: str) -> bytes:
        parameters: GetObjectRequestTypeDef = {"Bucket": self._options.bucket, "Key": key, "Range": part}
        if etag is not None:
            parameters["IfMatch"] = etag
        with closing(self._places.client.get_object(**parameters)["Body"]) as body:
            return body.read()

    async def delete_many(self, targets: Sequence[BlobTarget]) -> list[DeleteOutcome]:
        """D2."""
        return await self._deletion.delete(targets)

    async def delete_until(self, end: datetime, keys: Sequence[str]) -> list[DeleteOutcome]:
        """D2 under a lease."""
        return await self._leased(end, keys)

    async def present(self, keys: Sequence[str]) -> set[str]:
        """D3."""
        return set(await self._places.etags(keys))

    async def list_blobs(self, prefix: str, *, limit: int, cursor: str = "") -> BlobPage:
        """What lies under a prefix. The cursor is the last key, so that it outlives deletions."""
        cursors = CursorFormat("objects", prefix)
        after = _decode(cursors, cursor) if cursor else ""
        page = await self._places.page(prefix, limit=limit, after=after)
        following = cursors.encode({"after": [page.objects[-1]["Key"]]}) if page.has_more else ""
        blobs = tuple(_listed_blob(each) for each in page.objects)
        return BlobPage(blobs=blobs, cursor=following, store_time=page.store_time)

    async def store_time(self) -> datetime:
        """S3's own clock."""
        return store_time((await self._bucket())["ResponseMetadata"])

    async def check(self) -> None:
        """Whether the bucket is there, is ours to use, and lies in the region that links are signed for."""
        region = (await self._bucket()).get("BucketRegion", self._options.region)
        if region != self._options.region:
            raise BackendMisconfiguredError(self._places.calls.service, f"the bucket lies in {region}")

    async def _bucket(self) -> HeadBucketOutputTypeDef:
        try:
            return await self._places.calls(self._places.client.head_bucket, Bucket=self._options.bucket)
        except ClientError as error:
            if code_of(error) != "404":  # a HEAD has no body that could say NoSuchBucket
                raise
            raise BackendMisconfiguredError(self._places.calls.service, "NoSuchBucket") from error


def _put_blob(key: str, facts: BlobFacts, done: PutObjectOutputTypeDef) -> StoredBlob:
    return StoredBlob(
        key=key,
        size_bytes=facts.size_bytes,
        etag=done["ETag"],
        modified_time=store_time(done["ResponseMetadata"]),
        sha256=facts.sha256,
        attempt=facts.attempt,
    )


def _require_sha256(path: Path, announced: bytes) -> None:
    with path.open("rb") as body:
        actual = hashlib.file_digest(body, "sha256").digest()
    if actual != announced:
        raise ContentMismatchError("sha256", expected=announced.hex(), actual=actual.hex())


def _listed_blob(listed: ObjectTypeDef) -> StoredBlob:
    return StoredBlob(
        key=listed["Key"],
        size_bytes=listed["Size"],
        etag=listed["ETag"],
        modified_time=listed["LastModified"].astimezone(UTC),
    )


def _decode(cursors: CursorFormat, cursor: str) -> str:
    match cursors.decode(cursor):
        case {"after": [key]}:
            return key
        case _:
            raise PageTokenInvalidError
