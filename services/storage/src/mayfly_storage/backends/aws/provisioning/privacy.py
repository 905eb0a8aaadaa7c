"""Nobody reads the bucket but through IAM and signed links, and nothing lies on a disk in clear."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mayfly_storage.backends.aws.features import DEFAULT_ENCRYPTION, PUBLIC_ACCESS_BLOCK
from mayfly_storage.backends.aws.provisioning.aspects import Aspect

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import PublicAccessBlockConfigurationTypeDef

    from mayfly_storage.backends.aws.options import AwsOptions

NOT_PUBLIC: Final[PublicAccessBlockConfigurationTypeDef] = {
    "BlockPublicAcls": True,
    "IgnorePublicAcls": True,
    "BlockPublicPolicy": True,
    "RestrictPublicBuckets": True,
}


def public_access() -> Aspect:
    """All four blocks: no policy and no ACL can open the bucket."""
    return Aspect(
        name=PUBLIC_ACCESS_BLOCK,
        ask=lambda s3, bucket: s3.get_public_access_block(Bucket=bucket),
        part="PublicAccessBlockConfiguration",
        want=lambda _: dict(NOT_PUBLIC),
        write=lambda s3, bucket, wanted: s3.put_public_access_block(
            Bucket=bucket, PublicAccessBlockConfiguration=wanted
        ),
    )


def encryption(options: AwsOptions) -> Aspect:
    """Encryption at rest of whatever a PUT does not say otherwise about."""
    return Aspect(
        name=DEFAULT_ENCRYPTION,
        ask=lambda s3, bucket: s3.get_bucket_encryption(Bucket=bucket),
        part="ServerSideEncryptionConfiguration",
        want=lambda there: there if _encrypted_as(there, options) else _wanted(options),
        write=lambda s3, bucket, wanted: s3.put_bucket_encryption(
            Bucket=bucket, ServerSideEncryptionConfiguration=wanted
        ),
    )


def _encrypted_as(there: Any, options: AwsOptions) -> bool:
    """Whether what is there will do. Where nothing is asked for, any encryption does: somebody chose it."""
    rules = (there or {}).get("Rules", [])
    default = rules[0].get("ApplyServerSideEncryptionByDefault", {}) if rules else {}
    algorithm, key = default.get("SSEAlgorithm"), default.get("KMSMasterKeyID")
    return bool(algorithm) and options.encryption in {None, algorithm} and options.kms_key_id in {None, key}


def _wanted(options: AwsOptions) -> dict[str, Any]:
    default: dict[str, str] = {"SSEAlgorithm": options.encryption or "AES256"}
    if options.kms_key_id is not None:
        default["KMSMasterKeyID"] = options.kms_key_id
    # One call to KMS for many objects, rather than one for each.
    return {"Rules": [{"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": "KMSMasterKeyID" in default}]}
