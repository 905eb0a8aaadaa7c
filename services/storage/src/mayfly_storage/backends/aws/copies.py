"""Settings of a bucket that keep copies of what is deleted: versions, locks, replicas. Read back, never assumed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from mayfly_storage.backends.aws.errors import code_of
from mayfly_storage.backends.aws.provisioning.aspects import UnknownToStoreError, answer_of
from mayfly_storage.domain.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mypy_boto3_s3.client import S3Client

    from mayfly_storage.backends.aws.clients import AwsCalls

_OTHER_BUCKET: Final = "Use a bucket of its own for audio; `mayfly-storage provision` makes one."
_MOST_PAGES: Final = 20
"""Of 1,000 versions each: a start must not take minutes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketCopies:
    """The DeletionAudit of this backend."""

    s3: S3Client
    calls: AwsCalls
    bucket: str

    async def findings(self) -> Sequence[Finding]:
        """Versioning, Object Lock, replication."""
        return [
            replace(await self.versioning(), check="versioning"),
            replace(await self.object_lock(), check="object lock"),
            replace(await self.replication(), check="replication"),
        ]

    async def versioning(self) -> Finding:
        """Whether a deleted object lives on as an older version."""
        return await self._judged("versions", lambda s3, b: s3.get_bucket_versioning(Bucket=b), self._versions)

    async def object_lock(self) -> Finding:
        """Whether objects may refuse to be deleted."""
        return await self._judged(
            "Object Lock", lambda s3, b: s3.get_object_lock_configuration(Bucket=b), self._of_object_lock
        )

    async def replication(self) -> Finding:
        """Whether objects are copied to where nobody sweeps."""
        return await self._judged(
            "replication", lambda s3, b: s3.get_bucket_replication(Bucket=b), self._of_replication
        )

    async def _judged(
        self,
        what: str,
        ask: Callable[[S3Client, str], Mapping[str, Any]],
        judge: Callable[[Mapping[str, Any]], Finding],
    ) -> Finding:
        def look() -> Finding:
            try:
                return judge(answer_of(ask, self.s3, self.bucket) or {})
            except UnknownToStoreError:
                return Finding.ok(f"this store knows no {what}")

        try:
            return await self.calls(look)
        except ClientError as error:  # one that is not in the table of errors: some stores have words of their own
            return Finding.failed(f"the store does not say ({code_of(error)})", _OTHER_BUCKET)

    def _versions(self, answer: Mapping[str, Any]) -> Finding:
        match answer.get("Status"):
            case None:
                return Finding.ok("off")
            case "Suspended":
                return self._old_versions()
            case status:
                return Finding.failed(f"{status}: what is deleted lives on as an older version", _OTHER_BUCKET)

    def _old_versions(self) -> Finding:
        """Suspended: new objects are deleted as they should be; those of before are versions."""
        delete = "Delete them (a lifecycle rule with NoncurrentVersionExpiration does), or use another bucket."
        pages = self.s3.get_paginator("list_object_versions").paginate(
            Bucket=self.bucket, PaginationConfig={"MaxItems": 1000 * _MOST_PAGES, "PageSize": 1000}
        )
        seen = 0
        for page in pages:
            # A version with an id of its own outlives its deletion, also if it is the latest one.
            if any(version["VersionId"] != "null" for version in page.get("Versions", [])):
                return Finding.failed("suspended, and versions from before are still there", delete)
            seen += len(page.get("Versions", [])) + len(page.get("DeleteMarkers", []))
        if seen >= 1000 * _MOST_PAGES:
            return Finding.failed(f"suspended, and there are too many objects (over {seen - 1}) to be sure", delete)
        return Finding.warning(
            "suspended, without versions from before; each delete leaves a marker with the key", _OTHER_BUCKET
        )

    def _of_object_lock(self, answer: Mapping[str, Any]) -> Finding:
        if answer.get("ObjectLockConfiguration", {}).get("ObjectLockEnabled") != "Enabled":
            return Finding.ok("off")
        return Finding.failed("on: objects may refuse to be deleted, and it cannot be switched off", _OTHER_BUCKET)

    def _of_replication(self, answer: Mapping[str, Any]) -> Finding:
        rules = answer.get("ReplicationConfiguration", {}).get("Rules", [])
        active = [rule for rule in rules if rule.get("Status") == "Enabled"]
        remedy = f"Remove the rules (aws s3api delete-bucket-replication --bucket {self.bucket}), and the copies."
        if active:
            return Finding.failed(f"{len(active)} rules copy objects to where no sweep sees them", remedy)
        if rules:
            return Finding.warning("rules are there, but disabled; copies of before may be left", remedy)
        return Finding.ok("off")
