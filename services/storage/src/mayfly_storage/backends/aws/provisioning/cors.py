"""CORS: which web pages' scripts may use links. Players in a page need none of it; scripts that read bytes do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mayfly_storage.backends.aws.features import CORS_RULES
from mayfly_storage.backends.aws.provisioning.aspects import Aspect

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

    from mayfly_storage.backends.aws.provisioning.wishes import Wishes

_ID: Final = "MayflyLinks"


def cors(wishes: Wishes) -> Aspect:
    """Our rule, beside those of others; none without origins."""
    return Aspect(
        name=CORS_RULES,
        ask=lambda s3, bucket: s3.get_bucket_cors(Bucket=bucket),
        part="CORSRules",
        want=lambda there: _wanted(there or [], wishes),
        write=_write,
    )


def _wanted(there: list[dict[str, Any]], wishes: Wishes) -> list[dict[str, Any]]:
    others = [rule for rule in there if rule.get("ID") != _ID]
    return [*others, *([_rule(wishes)] if wishes.cors_origins else [])]


def _rule(wishes: Wishes) -> dict[str, Any]:
    return {
        "ID": _ID,
        "AllowedOrigins": sorted(wishes.cors_origins),
        # Listening and grants; nothing else is ever signed.
        "AllowedMethods": ["GET", "HEAD", "PUT"],
        # The headers of a grant, and those of a player that seeks.
        "AllowedHeaders": ["content-type", "if-none-match", "range", "x-amz-*"],
        "ExposeHeaders": ["Accept-Ranges", "Content-Length", "Content-Range", "ETag"],
        "MaxAgeSeconds": 3600,
    }


def _write(s3: S3Client, bucket: str, wanted: Any) -> object:
    if wanted:
        return s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": wanted})
    return s3.delete_bucket_cors(Bucket=bucket)
