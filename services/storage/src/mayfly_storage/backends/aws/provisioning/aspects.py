"""One group of a bucket's settings: how to read it, what it should be, and how to write it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from mayfly_storage.backends.aws.errors import code_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from mypy_boto3_s3.client import S3Client

    from mayfly_storage.backends.aws.provisioning.changes import Settings

NOT_IMPLEMENTED: Final = frozenset({"501", "MethodNotAllowed", "NotImplemented", "UnsupportedOperation"})
UNKNOWN: Final = NOT_IMPLEMENTED | {"MalformedXML"}
"""What stores say that speak like S3, and have no word for the question."""

_ABSENT: Final = frozenset(
    {
        "NoSuchBucket",  # not yet: a dry run looks at what the bucket will be like
        "NoSuchBucketPolicy",
        "NoSuchCORSConfiguration",
        "NoSuchLifecycleConfiguration",
        "NoSuchPublicAccessBlockConfiguration",
        "NoSuchTagSet",
        "ObjectLockConfigurationNotFoundError",
        "ReplicationConfigurationNotFoundError",
        "ServerSideEncryptionConfigurationNotFoundError",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Aspect:
    """Settings that are read, compared and written as one."""

    name: str
    ask: Callable[[S3Client, str], Mapping[str, Any]]
    """Asks the store; the bucket's name is given."""
    part: str
    """The key of the answer under which the settings stand; empty: the whole answer."""
    want: Callable[[Any], Any]
    """From what is there (None: nothing) to what should be. What is not ours stays as it is."""
    write: Callable[[S3Client, str, Any], object]

    def read(self, client: S3Client, bucket: str) -> Any:
        """What is there; None: nothing. Raises UnknownToStoreError, and ClientError."""
        answer = answer_of(self.ask, client, bucket)
        if answer is None:
            return None
        return answer.get(self.part) if self.part else answer

    def as_settings(self, value: Any) -> Settings:
        """For comparison and display."""
        return {self.part or self.name: value} if value else {}


class UnknownToStoreError(Exception):
    """The store speaks like S3, but not of this."""


def answer_of(
    ask: Callable[[S3Client, str], Mapping[str, Any]], client: S3Client, bucket: str
) -> Mapping[str, Any] | None:
    """What the store answers; None: there is nothing of the kind.

    Raises:
        UnknownToStoreError: If the store has no such settings.
    """
    try:
        answer = ask(client, bucket)
    except ClientError as error:
        if code_of(error) in UNKNOWN:
            raise UnknownToStoreError(code_of(error)) from error
        if code_of(error) in _ABSENT:
            return None
        raise
    return {key: value for key, value in answer.items() if key != "ResponseMetadata"}
