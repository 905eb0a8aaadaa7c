"""What a bucket has only if somebody asks for it: access logs, and transfer acceleration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mayfly_storage.backends.aws.features import ACCELERATION, ACCESS_LOGS
from mayfly_storage.backends.aws.provisioning.aspects import Aspect

if TYPE_CHECKING:
    from mayfly_storage.backends.aws.options import AwsOptions
    from mayfly_storage.backends.aws.provisioning.wishes import Wishes


def access_logs(options: AwsOptions, wishes: Wishes) -> Aspect:
    """S3's own lines about who read what, in another bucket. They name keys and addresses: let them expire, too."""
    wanted = {"TargetBucket": wishes.access_log_bucket, "TargetPrefix": f"{options.bucket}/"}
    return Aspect(
        name=ACCESS_LOGS,
        ask=lambda s3, bucket: s3.get_bucket_logging(Bucket=bucket),
        part="LoggingEnabled",
        want=lambda _: wanted,
        write=lambda s3, bucket, wanted: s3.put_bucket_logging(
            Bucket=bucket, BucketLoggingStatus={"LoggingEnabled": wanted}
        ),
    )


def acceleration() -> Aspect:
    """Links that enter AWS at its nearest edge."""
    return Aspect(
        name=ACCELERATION,
        ask=lambda s3, bucket: s3.get_bucket_accelerate_configuration(Bucket=bucket),
        part="Status",
        want=lambda _: "Enabled",
        write=lambda s3, bucket, wanted: s3.put_bucket_accelerate_configuration(
            Bucket=bucket, AccelerateConfiguration={"Status": wanted}
        ),
    )
