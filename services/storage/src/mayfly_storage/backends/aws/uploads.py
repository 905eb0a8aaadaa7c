"""What a PUT says of its bytes, whether storage sends it or a caller with a grant; and what S3 then says of them."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Final

from mayfly_storage.backends.aws.attributes import iso
from mayfly_storage.domain.links import Guarantee
from mayfly_storage.domain.ports import BlobFacts

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import (
        CreateMultipartUploadRequestTypeDef,
        HeadObjectOutputTypeDef,
        PutObjectRequestTypeDef,
    )

    from mayfly_storage.backends.aws.features import StoreFeatures
    from mayfly_storage.backends.aws.options import AwsOptions
    from mayfly_storage.domain.audio import Audio

_ATTEMPT: Final = "attempt"
_EXPIRES: Final = "expires-at"


def put_parameters(options: AwsOptions, key: str, facts: BlobFacts) -> PutObjectRequestTypeDef:
    """PutObject's parameters, all but the body: written once, with exactly these bytes and this type."""
    parameters: PutObjectRequestTypeDef = {
        "Bucket": options.bucket,
        "Key": key,
        "ContentLength": facts.size_bytes,
        "ContentType": facts.content_type,
        "Metadata": _metadata(facts),
    }
    # Only what the store knows: some refuse a header that they do not.
    if options.features.conditional_puts:
        parameters["IfNoneMatch"] = "*"
    if options.features.checksums:
        # The algorithm says no more than the checksum's name; some stores keep the checksum only if it is there.
        parameters |= {"ChecksumAlgorithm": "SHA256", "ChecksumSHA256": _base64(facts.sha256)}
    if options.encryption:
        parameters["ServerSideEncryption"] = options.encryption
    if options.kms_key_id:
        parameters["SSEKMSKeyId"] = options.kms_key_id
    return parameters


def begin_parameters(options: AwsOptions, key: str, facts: BlobFacts) -> CreateMultipartUploadRequestTypeDef:
    """CreateMultipartUpload's parameters: what the object will say of itself. There is no checksum of the whole."""
    parameters: CreateMultipartUploadRequestTypeDef = {
        "Bucket": options.bucket,
        "Key": key,
        "ContentType": facts.content_type,
        "Metadata": _metadata(facts),
    }
    if options.encryption:
        parameters["ServerSideEncryption"] = options.encryption
    if options.kms_key_id:
        parameters["SSEKMSKeyId"] = options.kms_key_id
    return parameters


def facts_of(audio: Audio) -> BlobFacts:
    """What a PUT of an audio has to say."""
    return BlobFacts(
        content_type=audio.content_type,
        size_bytes=audio.size_bytes,
        sha256=audio.sha256,
        attempt=audio.attempt,
        expire_time=audio.expire_time,
    )


def put_headers(parameters: PutObjectRequestTypeDef) -> dict[str, str]:
    """The same parameters as the headers of the PUT; a grant signs all of them, so that each has to be as it is."""
    headers = {
        "Content-Length": str(parameters["ContentLength"]),
        "Content-Type": parameters["ContentType"],
    }
    if condition := parameters.get("IfNoneMatch"):
        headers["If-None-Match"] = condition
    if "ChecksumSHA256" in parameters:
        headers["x-amz-checksum-sha256"] = parameters["ChecksumSHA256"]
        headers["x-amz-sdk-checksum-algorithm"] = parameters["ChecksumAlgorithm"]
    headers |= {f"x-amz-meta-{name}": value for name, value in parameters["Metadata"].items()}
    if encryption := parameters.get("ServerSideEncryption"):
        headers["x-amz-server-side-encryption"] = encryption
    if key_id := parameters.get("SSEKMSKeyId"):
        headers["x-amz-server-side-encryption-aws-kms-key-id"] = key_id
    return headers


def attempt_of(head: HeadObjectOutputTypeDef) -> str | None:
    """The attempt that wrote an object; None if it was written without one."""
    return head["Metadata"].get(_ATTEMPT)


def guarantees(features: StoreFeatures) -> tuple[Guarantee, ...]:
    """What the store enforces at the PUT of a grant. Size and type are headers that the signature fixes."""
    checksum = (Guarantee.CHECKSUM,) if features.checksums else ()
    write_once = (Guarantee.WRITE_ONCE,) if features.conditional_puts else ()
    return (Guarantee.SIZE, *checksum, Guarantee.CONTENT_TYPE, *write_once)


def guarantees_of_parts(features: StoreFeatures) -> tuple[Guarantee, ...]:
    """What the store enforces at the parts of a grant: each one's length, and the type that was said at first."""
    write_once = (Guarantee.WRITE_ONCE,) if features.conditional_completes else ()
    return (Guarantee.SIZE, Guarantee.CONTENT_TYPE, *write_once)


def sha256_of(head: HeadObjectOutputTypeDef, features: StoreFeatures) -> bytes | None:
    """The checksum that the store has compared with the whole object, and kept; None if it keeps none."""
    # A store that does not compare may well repeat what it was told.
    checksum = head.get("ChecksumSHA256", "") if features.checksums else ""
    # A multipart object's is a checksum of checksums, which says so by its end: "-3" for three parts.
    return base64.b64decode(checksum) if checksum and "-" not in checksum else None


def _metadata(facts: BlobFacts) -> dict[str, str]:
    metadata = {_ATTEMPT: facts.attempt}
    if facts.expire_time is not None:
        metadata[_EXPIRES] = iso(facts.expire_time)
    return metadata


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()
