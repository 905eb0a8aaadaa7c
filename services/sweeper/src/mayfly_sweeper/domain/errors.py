"""What can go wrong with a sweep. Plain exceptions; `transport/errors.py` has their form on the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import timedelta


class SweeperError(Exception):
    """Root of the sweeper's own errors."""


class StorageError(SweeperError):
    """A call to storage failed. A sweep goes on with what does not need its answer."""


class StorageUnavailableError(StorageError):
    """Storage did not answer, also not after the client's retries."""

    def __init__(self, message: str, *, retry_after: timedelta | None = None) -> None:
        """Tell what storage's channel said.

        Args:
            message: What happened, in a sentence.
            retry_after: When a retry may help, where storage said so.
        """
        super().__init__(message)
        self.retry_after = retry_after


class StorageRefusedError(StorageError):
    """Storage answered, and refused. Trying again does not help before something is mended."""

    def __init__(self, message: str, *, storage_reason: str) -> None:
        super().__init__(message)
        self.storage_reason = storage_reason


class BrokenListingError(StorageError):
    """A listing that would never end: a page names itself as the next one."""

    def __init__(self, listing: str) -> None:
        super().__init__(f"The listing of {listing} answered the same page token twice; it was not read to its end.")
        self.listing = listing


class CertificateConflictError(StorageError):
    """Another sweep has appended a certificate in between."""

    def __init__(self) -> None:
        super().__init__("Another sweep has appended a certificate in between.")


class GuardTrippedError(SweeperError):
    """A guard stopped a sweep before anything was deleted."""

    def __init__(self, message: str, *, guard: str, limit: str, found: str) -> None:
        """Tell which guard, and how far over its limit.

        Args:
            message: What was found, what is allowed, and what to do.
            guard: Name of the guard, for example `max_delete_count`.
            limit: What is allowed.
            found: What was found.
        """
        super().__init__(message)
        self.guard = guard
        self.limit = limit
        self.found = found


class SweepNotFoundError(SweeperError):
    """No remembered sweep has this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no sweep {name!r}, or it was forgotten: this server keeps the newest ones only.")
        self.name = name


class SweepRunningError(SweeperError):
    """A real sweep is asked for while one runs."""

    def __init__(self, name: str) -> None:
        super().__init__(f"The sweep {name} is running, and one runs at a time. Watch it, or wait for its end.")
        self.name = name


class TooManySweepsError(SweeperError):
    """More dry runs are asked for than a server carries out at a time."""

    def __init__(self, *, limit: int, retry_after: timedelta) -> None:
        super().__init__(f"All {limit} places for dry runs are taken. Try again later.")
        self.resource = "dry_runs"
        self.limit = limit
        self.retry_after = retry_after


class RequestIdReusedError(SweeperError):
    """One request id for two different requests."""

    def __init__(self, name: str) -> None:
        super().__init__(f"this id began the sweep {name} with other options; use a new UUID for a new sweep")
        self.name = name


class PageTokenInvalidError(SweeperError):
    """A page token that was not made here."""

    def __init__(self) -> None:
        super().__init__("The page token is not one of this method of this server. Start at the first page.")


class ShuttingDownError(SweeperError):
    """A sweep is asked for while the server stops."""

    def __init__(self, *, retry_after: timedelta) -> None:
        super().__init__("The sweeper is shutting down and begins no sweep. Try again when it is back.")
        self.retry_after = retry_after
