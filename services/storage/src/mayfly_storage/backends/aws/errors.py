"""From what AWS and botocore say to what the domain says: one table.

Only what is expected is here; everything else propagates, and is a bug or news. No message carries a URL, a key or a
credential: the cause is the error's code alone.
"""

from __future__ import annotations

import socket
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from botocore import exceptions as boto
from botocore.exceptions import BotoCoreError, ClientError

from mayfly_storage.domain.errors import (
    BackendMisconfiguredError,
    BackendUnavailableError,
    StorageError,
    StorageFullError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

RETRY_AFTER: Final = timedelta(seconds=1)

_UNAVAILABLE: Final = frozenset(
    {
        # throttling
        "BandwidthLimitExceeded",
        "KeyRangeThroughputExceeded",
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequests",
        "TooManyRequestsException",
        # contention that outlived all retries
        "OperationAborted",
        "PriorRequestNotComplete",
        # the service's own trouble; most of it is recognised by its HTTP status alone
        "InternalError",
        "InternalFailure",
        "InternalServerError",
        "RequestTimeout",
        "ServiceUnavailable",
    }
)

_MISCONFIGURED: Final = frozenset(
    {
        # rights; a HEAD has no body, so its code is the status
        "403",
        "AccessDenied",
        "AccessDeniedException",
        "AccountProblem",
        "AllAccessDisabled",
        "NotSignedUp",
        "OptInRequired",
        # credentials and clock
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "InvalidToken",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
        # names and region
        "301",
        "AuthorizationHeaderMalformed",
        "IllegalLocationConstraintException",
        "InvalidBucketName",
        "NoSuchBucket",
        "PermanentRedirect",
        "ResourceNotFoundException",
        "TemporaryRedirect",
        # encryption
        "KMS.DisabledException",
        "KMS.InvalidStateException",
        "KMS.NotFoundException",
    }
)

# S3 itself is never full; stores that speak like it are.
_FULL: Final = frozenset({"507", "InsufficientStorage", "QuotaExceeded", "XMinioStorageFull"})

_EXCEPTIONS: Final[Mapping[type[BotoCoreError], type[StorageError]]] = {
    # Before its base: a certificate that is not trusted does not get better by waiting.
    boto.SSLError: BackendMisconfiguredError,
    boto.ConnectionError: BackendUnavailableError,
    boto.HTTPClientError: BackendUnavailableError,
    boto.IncompleteReadError: BackendUnavailableError,
    boto.MetadataRetrievalError: BackendUnavailableError,
    boto.NoCredentialsError: BackendMisconfiguredError,
    boto.PartialCredentialsError: BackendMisconfiguredError,
    boto.CredentialRetrievalError: BackendMisconfiguredError,
    boto.InvalidRegionError: BackendMisconfiguredError,
    boto.ProfileNotFound: BackendMisconfiguredError,
}


@contextmanager
def domain_errors(service: str) -> Iterator[None]:
    """Within it, what goes wrong with `service` is said in the domain's words, where it has some."""
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        known = _domain_error(error, service)
        if known is None:
            raise
        raise known from error


def _domain_error(error: ClientError | BotoCoreError, service: str) -> StorageError | None:
    if isinstance(error, ClientError):
        return _of_code(error, service)
    if _is_unknown_name(error):
        return BackendMisconfiguredError(service, "HostNotFound")
    for kind, meaning in _EXCEPTIONS.items():
        if isinstance(error, kind):
            return _make(meaning, service, type(error).__name__)
    return None


def _is_unknown_name(error: BotoCoreError) -> bool:
    """Whether the service's host does not exist, as of a region that is misspelt; a name server's trouble passes."""
    if not isinstance(error, boto.EndpointConnectionError):
        return False
    reason = getattr(error.kwargs.get("error"), "__cause__", None)
    return isinstance(reason, socket.gaierror) and reason.errno == socket.EAI_NONAME


def code_of(error: ClientError) -> str:
    """The service's own word for what is wrong."""
    return error.response.get("Error", {}).get("Code", "")


def _of_code(error: ClientError, service: str) -> StorageError | None:
    code = code_of(error)
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in _FULL or status == 507:
        return StorageFullError()
    if code in _MISCONFIGURED:
        return BackendMisconfiguredError(service, code)
    if code in _UNAVAILABLE or status == 429 or status >= 500:
        return BackendUnavailableError(service, retry_after=RETRY_AFTER, cause=code or str(status))
    return None


def _make(meaning: type[StorageError], service: str, cause: str) -> StorageError:
    if meaning is BackendMisconfiguredError:
        return BackendMisconfiguredError(service, cause)
    return BackendUnavailableError(service, retry_after=RETRY_AFTER, cause=cause)
