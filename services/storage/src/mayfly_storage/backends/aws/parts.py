"""Uploads in parts to one bucket: the PartStore of this backend."""

from __future__ import annotations

import asyncio
from datetime import UTC
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from mayfly_storage.backends.aws.cursors import CursorFormat
from mayfly_storage.backends.aws.errors import RETRY_AFTER, code_of
from mayfly_storage.backends.aws.places import store_time
from mayfly_storage.backends.aws.slices import open_slice
from mayfly_storage.backends.aws.uploads import begin_parameters, facts_of
from mayfly_storage.domain.errors import BackendUnavailableError, ContentMismatchError, PageTokenInvalidError
from mayfly_storage.domain.parts import OpenUpload, UploadPage, cuts

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_s3.type_defs import (
        CompleteMultipartUploadRequestTypeDef,
        ListMultipartUploadsRequestTypeDef,
        MultipartUploadTypeDef,
    )

    from mayfly_storage.backends.aws.clients import AwsCalls
    from mayfly_storage.backends.aws.links import S3Links
    from mayfly_storage.backends.aws.options import AwsOptions
    from mayfly_storage.domain.audio import Audio
    from mayfly_storage.domain.links import UploadGrant
    from mayfly_storage.domain.parts import Cut

_GONE: Final = frozenset({"404", "NoSuchKey", "NoSuchUpload"})
"""Ceph says the second where S3 says the third."""
_MISSING: Final = frozenset({"404", "NoSuchKey"})
_OTHER_PARTS: Final = frozenset({"EntityTooSmall", "InvalidPart", "InvalidPartOrder", "InvalidRequest", "MalformedXML"})
_TAKEN: Final = frozenset({"412", "PreconditionFailed"})
_CONTENDED: Final = frozenset({"409", "ConditionalRequestConflict"})
_SHARE: Final = 2
"""Of the connections, storage's own parts take one in so many; the others are for everybody else."""
_TRIES: Final = 3
"""Of aborting: a part that was under way may be kept all the same."""


class S3Parts:
    """A PartStore."""

    def __init__(self, options: AwsOptions, client: S3Client, calls: AwsCalls, *, links: S3Links) -> None:
        """Take the bucket, how it is called, and what signs grants."""
        self._options = options
        self._client = client
        self._calls = calls
        self._links = links
        self._slots = asyncio.Semaphore(max(1, options.connections // _SHARE))

    @property
    def single_put_bytes(self) -> int:
        """The largest audio that one PUT takes."""
        return self._options.single_put_bytes

    async def begin(self, audio: Audio) -> str:
        """CreateMultipartUpload, with what the object will say of itself."""
        parameters = begin_parameters(self._options, audio.object_key, facts_of(audio))
        return (await self._calls(self._client.create_multipart_upload, **parameters))["UploadId"]

    async def grant(self, audio: Audio, upload_id: str) -> UploadGrant:
        """Presigned UploadParts."""
        return await self._links.grant_parts(audio, upload_id)

    async def put_file(self, audio: Audio, upload_id: str, path: Path) -> list[str] | None:
        """UploadPart, some at a time. Each is signed with its hash, which the store compares."""

        async def put(cut: Cut) -> str | None:
            try:
                async with self._slots:
                    return await self._calls(self._put, audio.object_key, upload_id, cut, path)
            except ClientError as error:
                if code_of(error) in _GONE:
                    return None
                raise

        try:
            async with asyncio.TaskGroup() as group:
                puts = [group.create_task(put(cut)) for cut in cuts(audio.size_bytes, self._options.part_bytes)]
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None
        etags = [etag for each in puts if (etag := each.result()) is not None]
        return etags if len(etags) == len(puts) else None

    def _put(self, key: str, upload_id: str, cut: Cut, path: Path) -> str:
        with open_slice(path, offset=cut.offset_bytes, size=cut.size_bytes) as body:
            return self._client.upload_part(
                Bucket=self._options.bucket,
                Key=key,
                UploadId=upload_id,
                PartNumber=cut.number,
                Body=body,
                ContentLength=cut.size_bytes,
            )["ETag"]

    async def complete(self, key: str, upload_id: str, etags: Sequence[str]) -> None:
        """CompleteMultipartUpload. Where the key is taken, the look at it that follows tells by whom."""
        parts = [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(etags, 1)]
        request: CompleteMultipartUploadRequestTypeDef = {
            "Bucket": self._options.bucket,
            "Key": key,
            "UploadId": upload_id,
            "MultipartUpload": {"Parts": parts},  # type: ignore[typeddict-item] # a list of such
        }
        if self._options.features.conditional_completes:
            request["IfNoneMatch"] = "*"
        elif await self._is_taken(key):
            return
        try:
            await self._calls(self._client.complete_multipart_upload, **request)
        except ClientError as error:
            self._explain(error, len(etags))

    async def _is_taken(self, key: str) -> bool:
        try:
            await self._calls(self._client.head_object, Bucket=self._options.bucket, Key=key)
        except ClientError as error:
            if code_of(error) in _MISSING:
                return False
            raise
        return True

    def _explain(self, error: ClientError, count: int) -> None:
        code = code_of(error)
        if code in _CONTENDED:
            raise BackendUnavailableError(self._calls.service, retry_after=RETRY_AFTER, cause=code) from error
        if code in _OTHER_PARTS:
            raise ContentMismatchError("part_etags", expected="those of all parts", actual=f"{count} others") from error
        if code not in _GONE | _TAKEN:
            raise error

    async def abort(self, key: str, upload_id: str) -> bool:
        """AbortMultipartUpload, until there are no parts."""
        for _ in range(_TRIES):
            try:
                await self._calls(
                    self._client.abort_multipart_upload, Bucket=self._options.bucket, Key=key, UploadId=upload_id
                )
            except ClientError as error:
                if code_of(error) not in _GONE:
                    raise
            if not await self.is_open(key, upload_id):
                return True
        return False

    async def is_open(self, key: str, upload_id: str) -> bool:
        """ListParts knows it."""
        try:
            await self._calls(
                self._client.list_parts, Bucket=self._options.bucket, Key=key, UploadId=upload_id, MaxParts=1
            )
        except ClientError as error:
            if code_of(error) in _GONE:
                return False
            raise
        return True

    async def list_uploads(self, prefix: str, *, limit: int, cursor: str = "") -> UploadPage:
        """ListMultipartUploads."""
        cursors = CursorFormat("uploads", prefix)
        request: ListMultipartUploadsRequestTypeDef = {
            "Bucket": self._options.bucket,
            "Prefix": prefix,
            "MaxUploads": limit,
        }
        if cursor:
            request["KeyMarker"], request["UploadIdMarker"] = _decode(cursors, cursor)
        answer = await self._calls(self._client.list_multipart_uploads, **request)
        following = [answer.get("NextKeyMarker", ""), answer.get("NextUploadIdMarker", "")]
        return UploadPage(
            uploads=tuple(map(_open, answer.get("Uploads", []))),
            cursor=cursors.encode({"after": following}) if answer.get("IsTruncated") else "",
            store_time=store_time(answer["ResponseMetadata"]),
        )


def _open(listed: MultipartUploadTypeDef) -> OpenUpload:
    return OpenUpload(key=listed["Key"], upload_id=listed["UploadId"], begin_time=listed["Initiated"].astimezone(UTC))


def _decode(cursors: CursorFormat, cursor: str) -> tuple[str, str]:
    match cursors.decode(cursor):
        case {"after": [key, upload_id]}:
            return key, upload_id
        case _:
            raise PageTokenInvalidError
