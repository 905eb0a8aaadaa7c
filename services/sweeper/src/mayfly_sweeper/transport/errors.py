"""The wire form of the sweeper's errors: one row each, as `error_reason.proto` documents them."""

from __future__ import annotations

from typing import Final

from grpc import StatusCode

from mayfly_runtime.errors import ErrorTable, Mapped
from mayfly_sweeper.domain import errors

DOMAIN: Final = "sweeper.mayfly"

ERROR_TABLE: Final[ErrorTable] = {
    errors.SweepNotFoundError: Mapped(StatusCode.NOT_FOUND, "SWEEP_NOT_FOUND", ("name",)),
    errors.SweepRunningError: Mapped(StatusCode.FAILED_PRECONDITION, "SWEEP_RUNNING", ("name",)),
    errors.GuardTrippedError: Mapped(StatusCode.FAILED_PRECONDITION, "GUARD_TRIPPED", ("guard", "limit", "found")),
    errors.StorageUnavailableError: Mapped(StatusCode.UNAVAILABLE, "STORAGE_UNAVAILABLE"),
    errors.BrokenListingError: Mapped(StatusCode.UNAVAILABLE, "STORAGE_UNAVAILABLE"),
    errors.CertificateConflictError: Mapped(StatusCode.UNAVAILABLE, "STORAGE_UNAVAILABLE"),
    errors.StorageRefusedError: Mapped(StatusCode.FAILED_PRECONDITION, "STORAGE_REFUSED", ("storage_reason",)),
    errors.PageTokenInvalidError: Mapped(StatusCode.INVALID_ARGUMENT, "PAGE_TOKEN_INVALID", field="page_token"),
    errors.RequestIdReusedError: Mapped(StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST", field="request_id"),
    errors.TooManySweepsError: Mapped(StatusCode.RESOURCE_EXHAUSTED, "SERVER_BUSY", ("resource", "limit")),
    errors.ShuttingDownError: Mapped(StatusCode.RESOURCE_EXHAUSTED, "SERVER_BUSY"),
}
