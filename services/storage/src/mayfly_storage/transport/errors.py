"""The wire form of storage's errors: one row each, as `error_reason.proto` documents them."""

from __future__ import annotations

from typing import Final

from google.rpc import error_details_pb2
from grpc import StatusCode
from mayfly.storage.v1 import error_reason_pb2, failure_pb2

from mayfly_runtime.errors import ErrorTable, Mapped, status_of
from mayfly_storage.domain import errors

DOMAIN: Final = "storage.mayfly"

ERROR_TABLE: Final[ErrorTable] = {
    errors.InvalidAudioError: Mapped(StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST", field_from="field"),
    errors.CollectionUnknownError: Mapped(
        StatusCode.INVALID_ARGUMENT, "COLLECTION_UNKNOWN", ("collection", "allowed"), field_from="field"
    ),
    errors.CollectionForbiddenError: Mapped(
        StatusCode.PERMISSION_DENIED, "COLLECTION_FORBIDDEN", ("collection", "caller")
    ),
    errors.ContentTypeNotAllowedError: Mapped(
        StatusCode.INVALID_ARGUMENT,
        "CONTENT_TYPE_NOT_ALLOWED",
        ("content_type", "allowed", "collection"),
        field="audio.content_type",
    ),
    errors.AudioTooLargeError: Mapped(
        StatusCode.INVALID_ARGUMENT,
        "AUDIO_TOO_LARGE",
        ("size_bytes", "max_size_bytes", "collection"),
        field="size_bytes",
    ),
    errors.AudioNotFoundError: Mapped(StatusCode.NOT_FOUND, "AUDIO_NOT_FOUND", ("name",)),
    errors.ObjectKeyTakenError: Mapped(StatusCode.ALREADY_EXISTS, "OBJECT_KEY_TAKEN", ("object_key",)),
    errors.IdempotencyKeyReusedError: Mapped(StatusCode.ALREADY_EXISTS, "IDEMPOTENCY_KEY_REUSED", ("request_id",)),
    errors.RequestExpiredError: Mapped(StatusCode.FAILED_PRECONDITION, "REQUEST_EXPIRED", ("request_id",)),
    errors.UploadIncompleteError: Mapped(StatusCode.FAILED_PRECONDITION, "UPLOAD_INCOMPLETE", ("name",)),
    errors.ContentMismatchError: Mapped(
        StatusCode.FAILED_PRECONDITION, "CONTENT_MISMATCH", ("field", "expected", "actual")
    ),
    errors.UploadFencedError: Mapped(StatusCode.ABORTED, "UPLOAD_FENCED", ("name",)),
    errors.LifetimeOverError: Mapped(StatusCode.FAILED_PRECONDITION, "LIFETIME_OVER", ("name", "expire_time")),
    errors.PageTokenInvalidError: Mapped(StatusCode.INVALID_ARGUMENT, "PAGE_TOKEN_INVALID", field="page_token"),
    errors.StorageFullError: Mapped(StatusCode.RESOURCE_EXHAUSTED, "STORAGE_FULL"),
    errors.QuotaExceededError: Mapped(
        StatusCode.RESOURCE_EXHAUSTED, "QUOTA_EXCEEDED", ("quota", "limit", "used", "reset_time")
    ),
    errors.BackendUnavailableError: Mapped(StatusCode.UNAVAILABLE, "BACKEND_UNAVAILABLE", ("backend",)),
    errors.BackendMisconfiguredError: Mapped(
        StatusCode.FAILED_PRECONDITION, "BACKEND_MISCONFIGURED", ("backend", "cause")
    ),
    errors.ClockWrongError: Mapped(StatusCode.FAILED_PRECONDITION, "BACKEND_MISCONFIGURED", ("backend", "cause")),
    errors.AudioDamagedError: Mapped(StatusCode.DATA_LOSS, "AUDIO_DAMAGED", ("name",)),
    errors.CertificateConflictError: Mapped(StatusCode.ABORTED, "CERTIFICATE_CONFLICT", ("previous_sha256",)),
}


def failure(error: Exception) -> failure_pb2.Failure:
    """The error of one item of a batch: the same facts that a failed RPC would carry."""
    status, info = status_of(error, domain=DOMAIN, table=ERROR_TABLE), error_details_pb2.ErrorInfo()
    status.details[0].Unpack(info)
    reason = error_reason_pb2.ErrorReason.Value(f"ERROR_REASON_{info.reason}")
    return failure_pb2.Failure(reason=reason, message=status.message, metadata=info.metadata)
