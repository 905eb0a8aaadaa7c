"""The bucket policy: what is refused to everybody, whatever IAM allows; and the distribution that may read."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from mayfly_storage.backends.aws.features import BUCKET_POLICY
from mayfly_storage.backends.aws.provisioning.arns import bucket_arn
from mayfly_storage.backends.aws.provisioning.aspects import Aspect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mayfly_storage.backends.aws.options import AwsOptions
    from mayfly_storage.backends.aws.provisioning.wishes import Wishes

VERSION: Final = "2012-10-17"
INSECURE: Final = "DenyInsecureConnections"
SIGNATURES: Final = "DenyOldSignatureVersions"
LONG_LINKS: Final = "DenyLinksThatLiveTooLong"
STRANGERS: Final = "DenyOtherPrincipals"
DELIVERY: Final = "AllowDelivery"
_OURS: Final = frozenset({INSECURE, SIGNATURES, LONG_LINKS, STRANGERS, DELIVERY})
_MILLISECOND: Final = timedelta(milliseconds=1)


def bucket_policy(options: AwsOptions, wishes: Wishes) -> Aspect:
    """Our statements beside those of others."""
    return Aspect(
        name=BUCKET_POLICY,
        ask=lambda s3, bucket: _parsed(s3.get_bucket_policy(Bucket=bucket)["Policy"]),
        part="Statement",
        want=lambda there: _wanted(there or [], options, wishes),
        write=lambda s3, bucket, wanted: s3.put_bucket_policy(
            Bucket=bucket, Policy=json.dumps({"Version": VERSION, "Statement": wanted})
        ),
    )


def statements(options: AwsOptions, wishes: Wishes) -> Iterator[dict[str, Any]]:
    """What is denied, and who may read.

    Over a plaintext endpoint, an emulator's, nothing else would be allowed than what is denied.
    """
    if not is_plaintext(options):
        yield _deny(options, INSECURE, {"Bool": {"aws:SecureTransport": "false"}})
    # Version 2 signs no headers, and its links have no longest life. An unsigned request has no version at all.
    yield _deny(options, SIGNATURES, {"StringNotEquals": {"s3:signatureversion": "AWS4-HMAC-SHA256"}})
    longest = str(wishes.longest_link // _MILLISECOND)
    yield _deny(options, LONG_LINKS, {"NumericGreaterThan": {"s3:signatureAge": longest}})
    if wishes.principals:
        # All of a condition has to hold, and what is not said matches nothing: a service is known by its source alone.
        source = {"aws:SourceArn": wishes.distribution} if wishes.distribution else {}
        others = {"aws:PrincipalArn": sorted(wishes.principals), **source}
        locked = _deny(options, STRANGERS, {"ArnNotLike": others})
        # Objects only: whoever runs the account must still be able to mend the bucket.
        yield {**locked, "Resource": f"{bucket_arn(options)}/*"}
    if wishes.distribution:
        yield _delivery(options, wishes.distribution)


def is_plaintext(options: AwsOptions) -> bool:
    """Whether the store is spoken to without TLS."""
    return (options.s3_endpoint_url or "").startswith("http://")


def _deny(options: AwsOptions, sid: str, condition: dict[str, Any]) -> dict[str, Any]:
    arn = bucket_arn(options)
    return {
        "Sid": sid,
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [arn, f"{arn}/*"],
        "Condition": condition,
    }


def _delivery(options: AwsOptions, distribution: str) -> dict[str, Any]:
    return {
        "Sid": DELIVERY,
        "Effect": "Allow",
        "Principal": {"Service": "cloudfront.amazonaws.com"},
        "Action": "s3:GetObject",
        "Resource": f"{bucket_arn(options)}/*",
        "Condition": {"StringEquals": {"aws:SourceArn": distribution}},
    }


def _wanted(there: list[dict[str, Any]], options: AwsOptions, wishes: Wishes) -> list[dict[str, Any]]:
    fresh = {each["Sid"]: each for each in statements(options, wishes)}
    kept = []
    for statement in there:
        sid = statement.get("Sid", "")
        if sid not in _OURS:
            kept.append(statement)
        elif sid in fresh:
            ours = fresh.pop(sid)
            kept.append(statement if _canonical(statement) == _canonical(ours) else ours)
    return kept + list(fresh.values())


def _parsed(text: str) -> dict[str, Any]:
    policy: dict[str, Any] = json.loads(text)
    found = policy.get("Statement", [])
    return {**policy, "Statement": found if isinstance(found, list) else [found]}


def _canonical(value: Any) -> Any:
    """S3 answers in other words than it was told: one text for a list of one, another order, `{"AWS": "*"}` for `*`."""
    if isinstance(value, dict):
        if value == {"AWS": "*"}:
            return "*"
        return {key: _canonical(each) for key, each in value.items()}
    if isinstance(value, list):
        return _canonical(value[0]) if len(value) == 1 else sorted(map(_canonical, value), key=str)
    return value
