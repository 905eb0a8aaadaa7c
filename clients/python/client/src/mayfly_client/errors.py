"""What calls raise. Every class is a MayflyError; docs/errors.md explains every reason."""

from __future__ import annotations

from mayfly_client._error_mapping import from_rpc_error
from mayfly_client._error_types import (
    AudioNotFoundError,
    ConflictError,
    ContentMismatchError,
    DeadlineError,
    ErrorFacts,
    ForbiddenError,
    InvalidRequestError,
    LinkEndedError,
    MayflyError,
    NotFoundError,
    NotImplementedYetError,
    PreconditionError,
    QuotaExceededError,
    ServerBusyError,
    ServerError,
    StorageFullError,
    SweepNotFoundError,
    UnauthenticatedError,
    UnavailableError,
    Violation,
    VoiceNotFoundError,
)

__all__ = [
    "AudioNotFoundError",
    "ConflictError",
    "ContentMismatchError",
    "DeadlineError",
    "ErrorFacts",
    "ForbiddenError",
    "InvalidRequestError",
    "LinkEndedError",
    "MayflyError",
    "NotFoundError",
    "NotImplementedYetError",
    "PreconditionError",
    "QuotaExceededError",
    "ServerBusyError",
    "ServerError",
    "StorageFullError",
    "SweepNotFoundError",
    "UnauthenticatedError",
    "UnavailableError",
    "Violation",
    "VoiceNotFoundError",
    "from_rpc_error",
]
