"""What the store does by itself: tried for real at a scratch key, because no answer of a store says it."""

from __future__ import annotations

import base64
import hashlib
import secrets
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from mayfly_storage.backends.aws.errors import code_of
from mayfly_storage.backends.aws.features import StoreFeatures
from mayfly_storage.domain.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_s3.type_defs import CompletedMultipartUploadTypeDef

    from mayfly_storage.backends.aws.clients import AwsCalls
    from mayfly_storage.backends.aws.options import AwsOptions

CHECK: Final = "features"
_BODY: Final = b"Mayfly tries what this store does; whoever reads this may delete it."
_OTHER_ETAG: Final = "0" * 32
_BENEATH: Final = 400
_RIGHTS: Final = frozenset({401, 403, 429})
_NOT_IMPLEMENTED: Final = 501
_UNUSABLE: Final = "Look for a setting of the bucket that the store cannot carry out, such as default encryption."
_ANOTHER: Final = "Use a store with either: until a grant ends, its holder could exchange bytes that were committed."


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureProbe:
    """The StoreAudit of this backend: whether the store does what the settings say of it."""

    s3: S3Client
    calls: AwsCalls
    options: AwsOptions

    async def findings(self) -> Sequence[Finding]:
        """One."""
        return [replace(await self._finding(), check=CHECK)]

    async def _finding(self) -> Finding:
        try:
            found = await self.calls(probe, self.s3, self.options)
        except ClientError as error:  # one that is not in the table of errors: some stores have words of their own
            return Finding.failed(f"nothing can be put ({code_of(error)})", _UNUSABLE)
        return judged(claimed=self.options.features, found=found)


def judged(*, claimed: StoreFeatures, found: StoreFeatures) -> Finding:
    """What to do about a difference. To claim too much is a fault, too little only costs."""
    if lies := found.missing(claimed):
        return Finding.failed(
            f"the store has no {_words(lies)}, which the settings claim", f"Set {_set(lies, 'false')}."
        )
    if not found.fixes_bytes:
        return Finding.failed("the store has neither conditional puts nor checksums", _ANOTHER)
    if unused := claimed.missing(found):
        return Finding.warning(f"the store has {_words(unused)} as well", f"Set {_set(unused, 'true')}.")
    return Finding.ok(f"{_words(found.present())}, as the settings say")


def _words(names: Sequence[str]) -> str:
    return ", ".join(name.replace("_", " ") for name in names)


def _set(names: Sequence[str], value: str) -> str:
    return ", ".join(f"MAYFLY_STORAGE_{name.upper()}={value}" for name in names)


def probe(s3: S3Client, options: AwsOptions) -> StoreFeatures:
    """Try each feature; about fifteen requests. Blocks. Raises ClientError if nothing can be written at all."""
    scratch = _Scratch(s3, options.bucket, f"{options.scratch_prefix}mayfly-probe-{secrets.token_hex(8)}")
    with scratch.lying():
        return StoreFeatures(
            conditional_puts=scratch.spares_what_is_there(),
            checksums=scratch.compares_and_tells_checksums(),
            conditional_completes=scratch.completes_nothing_over_it(),
            conditional_deletes=scratch.spares_other_etags(),
        )


@dataclass(frozen=True, slots=True)
class _Scratch:
    s3: S3Client
    bucket: str
    key: str

    @contextmanager
    def lying(self) -> Iterator[None]:
        """Within it, something lies at the key; afterwards nothing does."""
        self.s3.put_object(Bucket=self.bucket, Key=self.key, Body=_BODY)
        try:
            yield
        finally:
            self.s3.delete_object(Bucket=self.bucket, Key=self.key)

    def spares_what_is_there(self) -> bool:
        """Whether a second PUT with If-None-Match is refused."""
        return _refused(
            lambda: self.s3.put_object(Bucket=self.bucket, Key=self.key, Body=_BODY, IfNoneMatch="*"),
            {"412", "PreconditionFailed"},
        )

    def completes_nothing_over_it(self) -> bool:
        """Whether an upload in parts with If-None-Match is refused."""
        begun = self.s3.create_multipart_upload(Bucket=self.bucket, Key=self.key)["UploadId"]
        try:
            etag = self.s3.upload_part(
                Bucket=self.bucket, Key=self.key, UploadId=begun, PartNumber=1, Body=_BODY, ContentLength=len(_BODY)
            )["ETag"]
            return _refused(lambda: self._complete(begun, etag), {"412", "PreconditionFailed"})
        finally:
            _refused(lambda: self.s3.abort_multipart_upload(Bucket=self.bucket, Key=self.key, UploadId=begun))

    def _complete(self, upload_id: str, etag: str) -> object:
        parts: CompletedMultipartUploadTypeDef = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
        return self.s3.complete_multipart_upload(
            Bucket=self.bucket, Key=self.key, UploadId=upload_id, MultipartUpload=parts, IfNoneMatch="*"
        )

    def compares_and_tells_checksums(self) -> bool:
        """Whether bytes with another's checksum are refused, and their own is told by HEAD."""
        own, other = _sha256(_BODY), _sha256(b"another")
        if not _refused(lambda: self._put_as(other)):
            return False
        # Refused as wrong, and not as unknown, only if the right one is taken.
        if _refused(lambda: self._put_as(own)):
            return False
        head = self.s3.head_object(Bucket=self.bucket, Key=self.key, ChecksumMode="ENABLED")
        return head.get("ChecksumSHA256") == own

    def _put_as(self, checksum: str) -> object:
        return self.s3.put_object(
            Bucket=self.bucket, Key=self.key, Body=_BODY, ChecksumAlgorithm="SHA256", ChecksumSHA256=checksum
        )

    def spares_other_etags(self) -> bool:
        """Whether DeleteObjects leaves what has another ETag, and deletes what has this one."""
        self._delete_as(_OTHER_ETAG)
        if not self._lies():
            self.s3.put_object(Bucket=self.bucket, Key=self.key, Body=_BODY)
            return False
        etag = self.s3.head_object(Bucket=self.bucket, Key=self.key)["ETag"]
        self._delete_as(etag.strip('"'))
        return not self._lies()

    def _delete_as(self, etag: str) -> None:
        _refused(
            lambda: self.s3.delete_objects(
                Bucket=self.bucket, Delete={"Objects": [{"Key": self.key, "ETag": etag}], "Quiet": False}
            )
        )

    def _lies(self) -> bool:
        return not _refused(lambda: self.s3.head_object(Bucket=self.bucket, Key=self.key), {"404", "NoSuchKey"})


def _refused(ask: Callable[[], object], codes: frozenset[str] | set[str] = frozenset()) -> bool:
    """Whether the store refuses, with one of the codes if there are any. Raises what says nothing of the feature."""
    try:
        ask()
    except ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        if status in _RIGHTS or not (_BENEATH <= status < 500 or status == _NOT_IMPLEMENTED):
            raise
        return not codes or code_of(error) in codes
    return False


def _sha256(body: bytes) -> str:
    return base64.b64encode(hashlib.sha256(body).digest()).decode()
