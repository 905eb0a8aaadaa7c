"""What storage's failures mean for a caller of synth."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from mayfly_client.errors import DeadlineError, LinkEndedError, MayflyError, ServerBusyError, UnavailableError
from mayfly_synth.domain.errors import (
    QuotaExceededError,
    RequestIdReusedError,
    StorageRefusedError,
    StorageUnavailableError,
    SynthError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

RETRY_AFTER: Final = timedelta(seconds=1)
# Storage did not say no: it did not, or not in time, say anything, or the upload's time was up. Trying again may help.
_NO_ANSWER: Final = (UnavailableError, ServerBusyError, DeadlineError, LinkEndedError)


@contextmanager
def translated(request_id: UUID | None, *, passing: tuple[type[MayflyError], ...] = ()) -> Iterator[None]:
    """Raise the domain's errors instead of the client's.

    Args:
        request_id: The caller's, which storage does not know. None: of a call that has none.
        passing: What the caller of this translates itself.
    """
    try:
        yield
    except passing:
        raise
    except MayflyError as error:
        raise _domain_error(error, request_id) from error


def _domain_error(error: MayflyError, request_id: UUID | None) -> SynthError:
    if error.reason == "QUOTA_EXCEEDED":
        told = error.metadata
        return QuotaExceededError(
            error.message,
            quota=told.get("quota", ""),
            limit=told.get("limit", ""),
            used=told.get("used", ""),
            reset_time=told.get("reset_time", ""),
            retry_after=error.retry_after,
        )
    if error.reason == "IDEMPOTENCY_KEY_REUSED" and request_id is not None:
        return RequestIdReusedError(request_id)
    if isinstance(error, _NO_ANSWER) or error.reason == "UPLOAD_FENCED":
        return StorageUnavailableError(retry_after=error.retry_after or RETRY_AFTER)
    return StorageRefusedError(error.message, storage_reason=error.reason)
