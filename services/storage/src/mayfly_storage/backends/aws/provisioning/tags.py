"""Tags: whoever finds bucket or table in an account, or on a bill, learns whose they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mayfly_storage.backends.aws.features import BUCKET_TAGS
from mayfly_storage.backends.aws.provisioning.aspects import Aspect

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

TAGS: Final = {"application": "mayfly", "component": "storage"}


def bucket_tags() -> Aspect:
    """Ours, beside those of others."""
    return Aspect(
        name=BUCKET_TAGS,
        ask=lambda s3, bucket: s3.get_bucket_tagging(Bucket=bucket),
        part="TagSet",
        want=lambda there: with_ours(there or []),
        write=lambda s3, bucket, wanted: s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": wanted}),
    )


def with_ours(there: Iterable[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Tags by their names, ours among them."""
    tags = {each["Key"]: each["Value"] for each in there} | TAGS
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]
