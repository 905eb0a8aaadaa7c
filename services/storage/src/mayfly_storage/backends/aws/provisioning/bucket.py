"""The bucket: made if it is missing, then brought to what it should be, group by group."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from mayfly_storage.backends.aws.errors import code_of
from mayfly_storage.backends.aws.provisioning.aspects import UnknownToStoreError
from mayfly_storage.backends.aws.provisioning.bucket_policy import bucket_policy
from mayfly_storage.backends.aws.provisioning.changes import altered, by_hand, made
from mayfly_storage.backends.aws.provisioning.cors import cors
from mayfly_storage.backends.aws.provisioning.extras import acceleration, access_logs
from mayfly_storage.backends.aws.provisioning.lifecycle import lifecycle
from mayfly_storage.backends.aws.provisioning.privacy import encryption, public_access
from mayfly_storage.backends.aws.provisioning.tags import bucket_tags

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_s3.type_defs import CreateBucketRequestTypeDef, WaiterConfigTypeDef

    from mayfly_storage.backends.aws.options import AwsOptions
    from mayfly_storage.backends.aws.provisioning.aspects import Aspect
    from mayfly_storage.backends.aws.provisioning.changes import Step
    from mayfly_storage.backends.aws.provisioning.wishes import Wishes

UNKNOWN_HERE: Final = "This store does not know of it; see that it has something of the kind."
UNMANAGED_HERE: Final = "Left alone, as the provider wants (MAYFLY_STORAGE_UNMANAGED); see that it is as you want it."
_WAIT: Final[WaiterConfigTypeDef] = {"Delay": 1, "MaxAttempts": 30}
"""For a bucket to be seen everywhere: half a minute at most."""
_NAMELESS: Final = "us-east-1"
"""The one region whose name CreateBucket refuses to hear."""


def bucket_aspects(options: AwsOptions, wishes: Wishes) -> tuple[Aspect, ...]:
    """Everything that is set on the bucket. Closed to the public first."""
    asked = [access_logs(options, wishes)] if wishes.access_log_bucket else []
    asked += [acceleration()] if options.accelerate else []
    return (
        public_access(),
        encryption(options),
        bucket_policy(options, wishes),
        lifecycle(wishes),
        cors(wishes),
        bucket_tags(),
        *asked,
    )


def bucket_steps(
    s3: S3Client, options: AwsOptions, aspects: Iterable[Aspect], *, unmanaged: frozenset[str] = frozenset()
) -> Iterator[Step]:
    """What is missing or different. Read step by step, so that each sees what those before it have done."""
    if not _exists(s3, options):
        yield made(f"bucket {options.bucket} in {options.region}", partial(_make, s3, options))
    for aspect in aspects:
        if aspect.name in unmanaged:
            yield by_hand(_title(options.bucket, aspect), UNMANAGED_HERE)
        else:
            yield from _aspect_steps(s3, options.bucket, aspect)


def _title(bucket: str, aspect: Aspect) -> str:
    return f"bucket {bucket}: {aspect.name}"


def _aspect_steps(s3: S3Client, bucket: str, aspect: Aspect) -> Iterator[Step]:
    title = _title(bucket, aspect)
    try:
        there = aspect.read(s3, bucket)
    except UnknownToStoreError:
        yield by_hand(title, UNKNOWN_HERE)
        return
    wanted = aspect.want(there)
    if wanted != (there or type(wanted)()):
        carry_out = partial(aspect.write, s3, bucket, wanted)
        yield altered(title, aspect.as_settings(there), aspect.as_settings(wanted), carry_out)


def _exists(s3: S3Client, options: AwsOptions) -> bool:
    try:
        s3.head_bucket(Bucket=options.bucket)
    except ClientError as error:
        if code_of(error) == "404":
            return False
        raise
    return True


def _make(s3: S3Client, options: AwsOptions) -> None:
    request: CreateBucketRequestTypeDef = {"Bucket": options.bucket}
    if options.region != _NAMELESS:
        request["CreateBucketConfiguration"] = {"LocationConstraint": options.region}  # type: ignore[typeddict-item]  # any region that there is or will be
    s3.create_bucket(**request)
    s3.get_waiter("bucket_exists").wait(Bucket=options.bucket, WaiterConfig=_WAIT)
